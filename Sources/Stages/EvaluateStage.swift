internal import Decoding
internal import Evaluation
internal import Files
internal import JSON
internal import Numerics
public import Pipeline
internal import Reporting
public import SystemPackage
internal import Tokenizers
internal import Transformers

/// Decodes the unseen problems of a data set with one decoder setting and grades the answers.
public struct EvaluateStage: SampledStage {
    public static let name = "evaluate"
    public static let version = 1
    public static let summary =
        "Decodes unseen problems with one decoder setting; a matrix over the decoder's options makes a sweep."
    public static let output = ArtifactType.samples
    public static let journalName = "samples"

    let model: ArtifactReference
    let data: ArtifactReference
    let limit: Int?
    let groupSize: Int
    let precision: WeightPrecision?
    let decoder: DecoderFields

    public init(_ fields: Fields) {
        model = fields.artifact("model", types: [.model], "The model that decodes.")
        data = fields.artifact("data", types: [.dataset], "Data set whose test part is decoded.")
        limit = fields.optionalInteger("limit", in: 1..., "Only the first problems.")
        groupSize = fields.integer(
            "groupSize", default: 16, in: 1...4096,
            "Problems decoded in one batch; part of what decides the last bits.")
        precision = fields.optionalChoice(
            "precision",
            "How the model's linear layers are kept while it decodes; 32-bit floats unless it is given.")
        decoder = fields.object("decoder", "Decoding method and its options.") { DecoderFields($0) }
    }

    public func run(_ context: StageContext) throws -> StageResult {
        try runGroups(context, unit: "problems")
    }

    /// The problems that are decoded, in order.
    func problems(_ context: StageContext) throws -> [Problem] {
        let problems = try ProblemFile.read(context.folder(of: data).appending("test.jsonl"))
        return limit.map { Array(problems.prefix($0)) } ?? problems
    }

    public func sampleKeys(_ context: StageContext) throws -> [JournalKey] {
        try problems(context).map { .string($0.id) }
    }

    public func groups(_ context: StageContext) throws -> SampleGroups {
        let model = try ModelFolder(context.folder(of: model), precision: precision ?? .float32)
        let all = try problems(context)
        let (size, seed) = (groupSize, context.seed)
        let generationLength = Int(try decoder.number("generationLength") ?? 0)
        let factory = try decoder.factory()
        return SampleGroups(of: all.count, size: size) { group in
            let range = group * size..<min(all.count, (group + 1) * size)
            let samplings = range.map { Sampling(seed: seed, sample: UInt64($0)) }
            return try Self.decode(
                Array(all[range]), samplings, model, factory, generationLength: generationLength
            ).records.map { JournalRecord(.string($0.id), $0.value) }
        }
    }

    /// Decodes the problems of a group.
    ///
    /// - Parameter wrap: Puts something that watches around each decoder.
    static func decode(
        _ problems: [Problem], _ samplings: [Sampling], _ model: ModelFolder, _ factory: DecoderFactory,
        generationLength: Int, wrap: (any Decoder) -> any Decoder = { $0 }
    ) throws -> (records: [SampleRecord], decoders: [any Decoder]) {
        var decoders = zip(problems, samplings).map { problem, sampling in
            wrap(
                factory(
                    DecodingTask(
                        prompt: model.tokenizer.ids(problem.prompt()), maskToken: model.maskToken,
                        endToken: model.endToken, sampling: sampling)))
        }
        try BatchDecoder(model.transformer, threads: 1).decode(&decoders)
        let grader = Grader()
        let records = zip(problems, decoders).map { problem, decoder in
            let response = decoder.tokens[decoder.promptLength...].map(Int.init)
            let text = model.tokenizer.decode(tokenIds: response, skipSpecialTokens: false)
            return SampleRecord(
                id: problem.id, correct: grader.grade(text, answer: problem.answer).isCorrect,
                tokensBeforeEnd: TokenCount.throughEnd(
                    response, endOfText: Int(model.endToken), generationLength: generationLength),
                nfe: decoder.evaluations, forwards: decoder.forwards,
                tokensForwarded: decoder.tokensForwarded,
                text: shown(text), promptHash: StableHash.hex(problem.prompt()))
        }
        return (records, decoders)
    }

    /// The response up to and including its first end token; the padding behind it says nothing.
    private static func shown(_ text: String) -> String {
        let end = Grader().endOfText
        var kept: [Substring] = []
        for word in text.split(separator: " ") {
            kept.append(word)
            if word == end { break }
        }
        return kept.joined(separator: " ")
    }

    public func result(of records: [JournalRecord], in journal: FilePath) throws -> StageResult {
        let records = try records.map { record in
            guard let sample = SampleRecord(record.value) else {
                throw DamagedFileError(
                    journal,
                    "the record of \(record.key) is no result of a problem; delete the file to start the stage again."
                )
            }
            return sample
        }
        let point = try CurvePoint(records)
        let interval = point.interval
        return StageResult(
            summary:
                "TPF \(FixedPoint.text(point.tpf, digits: 2)), accuracy \(FixedPoint.text(point.accuracy, digits: 1)) % "
                + "[\(FixedPoint.text(interval.lower, digits: 1)), \(FixedPoint.text(interval.upper, digits: 1))], n \(point.count)",
            metrics: [
                "tpf": .number(point.tpf), "accuracy": .number(point.accuracy), "n": .integer(point.count),
                "correct": .integer(point.correct), "nfe": .integer(point.nfe),
                "tokens": .integer(point.tokens),
                "forwards": .integer(records.reduce(0) { $0 + $1.forwards }),
                "tokensForwarded": .integer(records.reduce(0) { $0 + $1.tokensForwarded }),
                "accuracyInterval": [.number(interval.lower), .number(interval.upper)],
            ])
    }
}
