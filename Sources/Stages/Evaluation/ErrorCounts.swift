internal import ArtifactStore
internal import Decoding
internal import Evaluation
internal import JSON

/// How many responses have which kind of error; nothing where an evaluation didn't record them.
struct ErrorCounts {
    /// The kinds that occur, in the order of their definition.
    let counts: [(kind: ErrorClass, count: Int)]

    init(_ records: [JournalRecord]) {
        let found = records.compactMap { $0.value["error"]?.string.flatMap(ErrorClass.init(rawValue:)) }
        counts = ErrorClass.allCases.map { kind in (kind, found.count { $0 == kind }) }.filter {
            $0.count > 0
        }
    }

    /// From the metrics of an evaluation; nil where it recorded none.
    init?(metrics: JSONValue) {
        guard let object = metrics["errors"]?.object else { return nil }
        counts = ErrorClass.allCases.compactMap { kind in object[kind.rawValue]?.int.map { (kind, $0) } }
    }

    /// The metrics with these counts, if there are any.
    func added(to metrics: JSONObject) -> JSONObject {
        guard !counts.isEmpty else { return metrics }
        var metrics = metrics
        metrics["errors"] = .object(JSONObject(counts.map { ($0.kind.rawValue, .integer($0.count)) }))
        return metrics
    }
}

/// A decoder that notes which forward decided each token of another one, which decodes exactly as it would without.
struct CommitRecorder: Decoder {
    private var base: any Decoder
    private var last: [Int32]
    /// For each position of the response the forward, from 0, after which its token never changed again; −1 for a mask.
    private(set) var decided: [Int]

    init(_ base: any Decoder) {
        self.base = base
        last = Array(base.state.response)
        decided = last.map { $0 == base.state.maskToken ? -1 : 0 }
    }

    var state: DecodingState { base.state }
    var maximumLength: Int { base.maximumLength }

    mutating func nextRequest() -> ForwardRequest? {
        // What changes between two forwards (early stop, a new block) belongs to the one before.
        let request = base.nextRequest()
        note()
        return request
    }

    @discardableResult
    mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let record = base.accept(predictions)
        note()
        return record
    }

    private mutating func note() {
        let response = Array(base.state.response)
        let forward = max(0, base.forwards - 1)
        decided = response.enumerated().map { place, token in
            if token == base.state.maskToken { return -1 }
            return place < last.count && last[place] == token ? decided[place] : forward
        }
        last = response
    }
}
