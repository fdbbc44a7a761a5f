internal import Decoding

/// Recorded decodings: final tokens, NFE, forwards and forwarded tokens must be the same.
struct DecodeParity: ParityKind {
    let family: String

    var name: String { "\(family)/decode" }
    var file: String { "decode_\(family).json" }

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        var cases: [DecodeCase] = []
        for (id, node) in try folder.cases(of: file).identified("cases") {
            // A case that can't be read says nothing about the others.
            do { cases.append(try DecodeCase(id: id, node, family: family)) } catch {
                tally.record("\(id): \(error)")
            }
        }
        let runs = RecordedRun.all(cases.map { ($0.model, $0.factory($0.task)) }, folder)
        for (recorded, run) in zip(cases, runs) {
            tally.record(
                Self.divergence(run, recorded).map { "\(recorded.id) (\(recorded.method)): \($0)" })
        }
    }

    /// The first difference between a run and the recorded case; nil if there is none.
    static func divergence(_ run: Result<RecordedRun, any Error>, _ recorded: DecodeCase) -> String? {
        switch run {
        case .failure(let error): return "\(error)"
        case .success(let run):
            if let position = firstDifference(run.decoder.tokens, recorded.tokens) {
                let expected =
                    recorded.tokens.indices.contains(position)
                    ? "\(recorded.tokens[position])" : "nothing"
                return "\(run.decision(at: position)); expected \(expected)."
            }
            let counts = [
                ("NFE", run.decoder.evaluations, recorded.evaluations),
                ("forwards", run.decoder.forwards, recorded.forwards),
                ("forwarded tokens", run.decoder.tokensForwarded, recorded.tokensForwarded),
            ]
            guard let (what, value, expected) = counts.first(where: { $0.1 != $0.2 }) else { return nil }
            return "the tokens agree, but \(what): \(value); expected \(expected)."
        }
    }

    /// The first index at which two lists differ, in length included.
    static func firstDifference(_ a: [Int32], _ b: [Int32]) -> Int? {
        if let index = zip(a, b).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset {
            return index
        }
        return a.count == b.count ? nil : min(a.count, b.count)
    }
}
