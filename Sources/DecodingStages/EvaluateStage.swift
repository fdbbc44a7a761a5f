package import ArtifactStore
internal import DataStages
internal import Decoding
package import Evaluation
internal import Files
package import JSON
internal import Measures
internal import Numerics
package import Recipes
internal import Reporting
package import Runs
internal import StageBasics
package import SystemPackage
internal import Tokenizers
internal import Transformers

/// Decodes the unseen problems of a data set with one decoder setting and grades the answers.
package struct EvaluateStage: SampledStage, RestrictedStage {
    package static let name = "evaluate"
    package static let version = 2
    package static let summary =
        "Decodes unseen problems with one decoder setting; a matrix over the decoder's options makes a sweep."
    package static let output = ArtifactType.samples
    package static let journalName = "samples"

    let model: ArtifactReference
    let data: ArtifactReference
    let limit: Int?
    let groupSize: Int
    let precision: WeightPrecision?
    let grader: AnswerGrader?
    let errors: Bool
    /// How many problems an engine decodes until the slowest of them is done; nil where each ends by itself.
    let batch: Int?
    /// The second model, for decoding methods that need one.
    let verifier: ArtifactReference?
    var decoder: DecoderFields

    package init(_ fields: Fields) {
        model = fields.artifact("model", types: [.model], "The model that decodes.")
        data = fields.artifact(
            "data", types: [.dataset], "Data set whose test part is decoded, such as a benchmark.")
        limit = fields.optionalInteger("limit", in: 1..., "Only the first problems.")
        groupSize = fields.integer(
            "groupSize", default: 16, in: 1...4096,
            "Problems decoded in one batch; part of what decides the last bits.")
        precision = fields.optionalChoice(
            "precision",
            "How the model's linear layers are kept while it decodes; 32-bit floats unless it is given.")
        grader = fields.optionalChoice(
            "grader",
            "For word problems: final (the default) compares the number behind ####; sentence the total that the solution states last, whatever was cut off behind it."
        )
        errors =
            fields.optionalFlag(
                "errors",
                "Also record which forward decided each token, and count the kinds of errors; for generated problems."
            ) ?? false
        batch = fields.optionalInteger(
            "batch", in: 2...4096,
            "NFE of each problem is that of the slowest of so many, as engines count that decode a batch until all of it is done; divides groupSize."
        )
        if let batch, groupSize % batch != 0 {
            fields.reject(
                "batch", "\"batch\" is \(batch), which doesn't divide \"groupSize\", \(groupSize).",
                hint: "Write \"groupSize\": \(batch).")
        }
        for key in ["grader", "errors"]
        where [BenchmarkStage.name, QuestionsStage.name].contains(data.kind) && fields.node?[key] != nil {
            fields.reject(
                key,
                "\"\(key)\" is for generated problems; this stage asks \(data.kind == BenchmarkStage.name ? "a benchmark" : "questions with graders of their own")."
            )
        }
        verifier = fields.optionalArtifact(
            "verifier", types: [.model], recordsAbsence: false,
            "A second model with the same tokens, for methods that need one: it judges drafts (apd) or looks first (rcd with \"start\" warm)."
        )
        decoder = fields.object("decoder", "Decoding method and its options.") { DecoderFields($0) }
        guard let method = decoder.method, let needs = (try? decoder.setup())?.needsVerifier,
            needs != (verifier != nil)
        else { return }
        if needs {
            fields.reject(
                "decoder", "The decoding method \"\(method.name)\" needs a second model with these options.",
                hint: "Name one with the same tokens: \"verifier\": \"@…\".")
        } else {
            fields.reject(
                "verifier",
                "The decoding method \"\(method.name)\" needs no second model with these options. Leave the key out."
            )
        }
    }

    package func run(_ context: StageContext) throws -> StageResult {
        try runGroups(context, unit: "problems")
    }

    package func sampleKeys(_ context: StageContext) throws -> [JournalKey] {
        try asked(context).ids.map { .string($0) }
    }

    /// The problems that are decoded, in order.
    func asked(_ context: StageContext) throws -> any AskedQuestions {
        let set = DataSet(context.folder(of: data), name: "\(data)")
        guard !set.hasTasks || (grader == nil && !errors) else {
            throw DataError(
                description:
                    "\"grader\" and \"errors\" are for generated problems, and \(data) has questions with graders of their own."
            )
        }
        return set.hasTasks
            ? try AskedBenchmark(set, limit: limit)
            : try AskedProblems(set.folder, limit: limit, grader: grader ?? .final, recordsErrors: errors)
    }

    package func groups(_ context: StageContext) throws -> SampleGroups {
        let questions = try questions(asked(context), context)
        let (size, seed, count) = (groupSize, context.seed, questions.ids.count)
        let (recordsErrors, batch) = (errors, batch)
        let setup = try decoder.setup()
        return SampleGroups(of: count, size: size) { group in
            let range = group * size..<min(count, (group + 1) * size)
            let decoders = try Self.decode(range, of: questions, seed: seed, setup.make) {
                recordsErrors ? CommitRecorder($0) : $0
            }
            var records = try questions.records(
                range, decoders, generationLength: setup.lengths.response)
            if let batch { Self.shareEvaluations(among: batch, &records) }
            return zip(range, records).map { JournalRecord(.string(questions.ids[$0]), $1) }
        }
    }

    /// Gives each of `batch` neighbours the NFE of the slowest; a last batch may be smaller.
    private static func shareEvaluations(among batch: Int, _ records: inout [JSONValue]) {
        for start in stride(from: 0, to: records.count, by: batch) {
            let neighbours = start..<min(start + batch, records.count)
            let most = neighbours.compactMap { records[$0]["nfe"]?.int }.max() ?? 0
            for index in neighbours {
                guard case .object(var object) = records[index] else { continue }
                object["nfe"] = .integer(most)
                records[index] = .object(object)
            }
        }
    }

    /// The questions for this stage's model.
    func questions(_ asked: any AskedQuestions, _ context: StageContext) throws -> any Questions {
        if asked.runsPrograms, !context.permissions.codeExecution {
            throw PermissionError(
                "The answers of this stage are Python programs, which run with --allow-code-execution only.")
        }
        return try asked.questions(
            for: AnsweringModel.Source(
                folder: context.folder(of: model), precision: precision ?? .float32,
                method: decoder.method, verifier: verifier.map { context.folder(of: $0) }),
            context.permissions)
    }

    /// Decodes the questions of a group.
    ///
    /// - Parameter wrap: Puts something that watches around each decoder.
    static func decode(
        _ range: Range<Int>, of questions: any Questions, seed: UInt64, _ factory: DecoderFactory,
        wrap: (any Decoder) -> any Decoder = { $0 }
    ) throws -> [any Decoder] {
        var decoders = try range.map { index in
            wrap(
                factory(
                    DecodingTask(
                        prompt: try questions.prompt(index), maskToken: questions.maskToken,
                        endToken: questions.endToken, furtherEndTokens: questions.furtherEndTokens,
                        repetitionPenalty: questions.repetitionPenalty,
                        sampling: Sampling(seed: seed, sample: UInt64(index)))))
        }
        try BatchDecoder(questions.transformer, verifier: questions.verifier, threads: 1).decode(&decoders)
        return decoders
    }

    package func permissionNeed(_ stage: (ArtifactReference) -> (any StageDescription)?) -> PermissionNeed? {
        CodeExecution.need(of: stage(data))
    }

    package func result(of records: [JournalRecord], in journal: FilePath) throws -> StageResult {
        let extractions = ExtractionCounts(records)
        let errors = ErrorCounts(records)
        let records = try records.map { record in
            guard let sample = SampleRecord(record.value) else {
                throw DamagedFileError(
                    journal,
                    "the record of \(record.key) is no result of a problem; delete the file to start the stage again."
                )
            }
            return sample
        }
        guard records.contains(where: \.isGraded) else { return try ungraded(records) }
        let point = try CurvePoint(records.filter(\.isGraded))
        let interval = point.interval
        return StageResult(
            summary:
                "TPF \(FixedPoint.text(point.tpf, digits: 2)), accuracy \(FixedPoint.text(point.accuracy, digits: 1)) % "
                + "[\(FixedPoint.text(interval.lower, digits: 1)), \(FixedPoint.text(interval.upper, digits: 1))], n \(point.count)",
            metrics: extractions.added(
                to: errors.added(to: [
                    "tpf": .number(point.tpf), "accuracy": .number(point.accuracy),
                    "n": .integer(point.count),
                    "correct": .integer(point.correct), "nfe": .integer(point.nfe),
                    "tokens": .integer(point.tokens),
                    "forwards": .integer(records.reduce(0) { $0 + $1.forwards }),
                    "tokensForwarded": .integer(records.reduce(0) { $0 + $1.tokensForwarded }),
                    "accuracyInterval": [.number(interval.lower), .number(interval.upper)],
                ])))
    }

    /// What answers give that nothing is known about but how they were decoded.
    private func ungraded(_ records: [SampleRecord]) throws -> StageResult {
        let point = try CurvePoint(records)
        return StageResult(
            summary:
                "TPF \(FixedPoint.text(point.tpf, digits: 2)), no accuracy: the data has no graded answers, n \(point.count)",
            metrics: [
                "tpf": .number(point.tpf), "n": .integer(point.count), "nfe": .integer(point.nfe),
                "tokens": .integer(point.tokens),
                "forwards": .integer(records.reduce(0) { $0 + $1.forwards }),
                "tokensForwarded": .integer(records.reduce(0) { $0 + $1.tokensForwarded }),
            ])
    }
}

extension EvaluateStage {
    /// Also grades every answer again, so that a verdict can't be changed together with the metrics.
    ///
    /// Programs aren't run for this; `--rerun` decodes samples and runs their programs again.
    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        let records = try records(in: artifact, context)
        let path = Self.journal(of: artifact)
        let asked = try asked(context)
        for (index, record) in records.enumerated() { try asked.check(record, index, in: path) }
        return try result(of: records, in: path)
    }
}

/// A decoding method with its options, as configurations write it: `{"method": "multi-block", "threshold": 0.3}`.
///
/// Which options a method takes, and between which limits, is said by the method's own initialiser of them.
struct DecoderFields {
    /// Nil only while nothing but the description of the keys is wanted.
    let method: DecodingMethod?
    private let read: Result<DecoderSetup, DecodingError>

    init(_ fields: Fields) {
        let chosen = fields.alternative(
            "method", of: Self.alternatives, "Name of the decoding method; `d3llm methods` lists them.")
        method = chosen?.value.method
        read =
            chosen.map { .success($0.value.setup) }
            ?? .failure(DecodingError(.unknownMethod, "There is no decoding method."))
    }

    /// A method with options that stand in no configuration.
    init(_ method: DecodingMethod, _ values: [String: JSONValue]) {
        self.method = method
        read = Result { () throws(DecodingError) in try method.setup(values) }
    }

    /// The method with its options, as they were read.
    func setup() throws(DecodingError) -> DecoderSetup { try read.get() }

    private static let alternatives = DecodingMethod.all.map { method in
        FieldAlternative(method.name, method.summary) { (method: method, setup: method.setup($0)) }
    }
}

/// How many answers each way to find them takes for right.
struct ExtractionCounts {
    private var counts: [(name: String, correct: Int)] = []
    private var outcomes: [(name: String, count: Int)] = []

    /// Counts verdicts; records of generated problems have none.
    init(_ records: [JournalRecord]) {
        for record in records {
            for (name, verdict) in (record.value["verdicts"]?.object?.members ?? []).map({
                ($0.key, $0.value)
            }) {
                let correct = verdict["correct"]?.bool == true ? 1 : 0
                if let index = counts.firstIndex(where: { $0.name == name }) {
                    counts[index].correct += correct
                } else {
                    counts.append((name, correct))
                }
                guard let outcome = verdict["outcome"]?.string else { continue }
                if let index = outcomes.firstIndex(where: { $0.name == outcome }) {
                    outcomes[index].count += 1
                } else {
                    outcomes.append((outcome, 1))
                }
            }
        }
    }

    /// The metrics with these counts, if there are any.
    func added(to metrics: JSONObject) -> JSONValue {
        guard !counts.isEmpty else { return .object(metrics) }
        var metrics = metrics
        metrics["correctBy"] = .object(JSONObject(counts.map { ($0.name, .integer($0.correct)) }))
        if !outcomes.isEmpty {
            let sorted = outcomes.sorted { $0.name < $1.name }
            metrics["outcomes"] = .object(JSONObject(sorted.map { ($0.name, .integer($0.count)) }))
        }
        return .object(metrics)
    }
}

extension EvaluateStage {
    /// Problems that are decoded.
    package func facts(_ context: ForecastContext) -> Facts { [.test: count(context)] }

    private func count(_ context: ForecastContext) -> Double {
        min(context.facts(of: data)[.test] ?? 0, limit.map(Double.init) ?? .infinity)
    }

    /// The forwards that the decoder's method expects, for the problems that the journal lacks; threads take one group
    /// of problems each.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let data = context.facts(of: data)
        guard let configuration = context.facts(of: model).configuration,
            let prompt = data[.promptTokens], let answer = data[.responseTokens],
            let effort = (try? decoder.setup())?.effort(prompt: prompt, answer: answer)
        else { return nil }
        let all = count(context)
        // How many records a user's file has is known when it has been read.
        guard all > 0 else { return nil }
        let group = min(Double(groupSize), all)
        let shape = PassShape(
            configuration, sequences: Int(group), tokens: effort.tokens, cached: effort.cached,
            logitRows: effort.logitRows)
        let left = max(0, all - Double(context.recordsDone))
        let cost = GroupCost(
            groups: (left / max(1, group)).rounded(.up), forwards: effort.forwards, shape: shape)
        let reading = context.seconds(of: ModelWork.readProblem.work, times: data[.test] ?? 0) ?? 0
        let memory = DecodingMemory(
            model, shape, threads: context.threads, chosen: precision ?? .float32,
            besides: all * 4 * MemoryModel.problem)
        var forecast = StageForecast(
            seconds: cost.seconds(context).map { $0 + reading }, memory: memory.chosen,
            // A record with the response as text.
            disk: Int(clamped: all * (140 + 4.2 * answer)), scratch: Int(clamped: all * (140 + 4.2 * answer)))
        forecast.models = memory.forms
        return forecast
    }
}

/// How many responses have which kind of error; nothing where an evaluation didn't record them.
package struct ErrorCounts {
    /// The kinds that occur, in the order of their definition.
    package let counts: [(kind: ErrorClass, count: Int)]

    init(_ records: [JournalRecord]) {
        let found = records.compactMap { $0.value["error"]?.string.flatMap(ErrorClass.init(rawValue:)) }
        counts = ErrorClass.allCases.map { kind in (kind, found.count { $0 == kind }) }.filter {
            $0.count > 0
        }
    }

    /// From the metrics of an evaluation; nil where it recorded none.
    package init?(metrics: JSONValue) {
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
