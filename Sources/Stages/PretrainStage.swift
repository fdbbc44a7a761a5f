internal import Files
internal import JSON
internal import Numerics
public import Pipeline
internal import SystemPackage
internal import Tokenizers
internal import Training
internal import Transformers

/// Trains a model from scratch in phases.
public struct PretrainStage: StageKind {
    public static let name = "pretrain"
    public static let version = 1
    public static let summary =
        "Trains a transformer from scratch: autoregressive, masked-diffusion and mixed phases one after another."
    public static let output = ArtifactType.model

    private let data: ArtifactReference
    private let tokenizer: ArtifactReference
    private let model: ModelFields
    private let generationLength: Int
    private let phases: [PhaseFields]
    private let checkpointSeconds: Double

    public init(_ fields: Fields) {
        data = fields.artifact("data", types: [.dataset], "Problems to train on.")
        tokenizer = fields.artifact("tokenizer", types: [.tokenizer], "Tokenizer of the model.")
        model = fields.object("model", "Shape of the model.") { ModelFields($0) }
        generationLength = fields.integer(
            "generationLength", default: 48, in: 1...65_536, "Tokens of a response, padding included.")
        phases = fields.objects("phases", atLeast: 1, "Training phases, in order.") { PhaseFields($0) }
        checkpointSeconds = TrainingLoop.checkpointSeconds(fields)
    }

    public func run(_ context: StageContext) throws -> StageResult {
        let tokenizer = try WordLevelTokenizer(folder: context.folder(of: tokenizer))
        let (mask, end) = try ModelFolder.specialTokens(tokenizer, context.folder(of: self.tokenizer))
        let problems = try ProblemFile.read(context.folder(of: data).appending("train.jsonl"))
        let examples = try tokenizer.examples(problems, endToken: end, generationLength: generationLength)
        guard !examples.isEmpty else {
            throw DataError(description: "the data set has no problems to train on")
        }
        let configuration = try model.configuration(
            vocabulary: tokenizer.vocabularySize, mask: mask, end: end, positions: 4096)
        let parameters = Initialization(embedding: model.embeddingDeviation, matrices: model.matrixDeviation)
            .parameters(configuration, seed: context.seed)
        let loop = TrainingLoop(
            context: context, parameters: parameters,
            phases: phases.enumerated().map { index, phase in
                phase.phase(
                    index, examples, configuration, mask: mask, seed: context.seed, threads: context.threads)
            }, checkpointInterval: checkpointSeconds)
        let losses = try loop.run()
        try ModelFolder.write(try Transformer(over: parameters), tokenizer, to: context.output)
        let steps = phases.reduce(0) { $0 + $1.steps }
        let shown = losses.map { "\($0.name) \(($0.crossEntropy * 1000).rounded() / 1000)" }.joined(
            separator: ", ")
        return StageResult(
            summary: "\(configuration.parameterCount) parameters, \(steps) steps, final losses: \(shown)",
            metrics: [
                "parameters": .integer(configuration.parameterCount), "steps": .integer(steps),
                "losses": .object(JSONObject(losses.map { ($0.name, .number($0.crossEntropy)) })),
            ])
    }
}

/// The shape of a model, as configurations write it.
struct ModelFields {
    private let layers: Int
    private let width: Int
    private let heads: Int
    private let keyValueHeads: Int?
    private let feedForwardWidth: Int
    private let tiedHead: Bool
    private let queryKeyValueBias: Bool
    private let logitShift: Bool
    private let causal: Bool
    private let ropeTheta: Double
    let embeddingDeviation: Double
    let matrixDeviation: Double

    init(_ fields: Fields) {
        layers = fields.integer("layers", default: 4, in: 1...128, "Blocks.")
        width = fields.integer("width", default: 96, in: 2...16_384, "Width of the residual stream.")
        heads = fields.integer("heads", default: 4, in: 1...256, "Attention heads.")
        keyValueHeads = fields.optionalInteger(
            "keyValueHeads", in: 1...256, "Key-value heads; as many as heads unless given.")
        feedForwardWidth = fields.integer(
            "feedForwardWidth", default: 256, in: 1...65_536, "Width of the feed-forward layer.")
        tiedHead = fields.flag("tiedHead", default: false, "Whether the embedding is the head.")
        queryKeyValueBias = fields.flag(
            "queryKeyValueBias", default: false, "Biases on the query, key and value projections.")
        logitShift = fields.flag(
            "logitShift", default: true,
            "Whether row i of the logits predicts token i + 1; autoregressive training needs it.")
        causal = fields.flag(
            "causal", default: false, "Whether the model attends causally unless asked otherwise.")
        ropeTheta = fields.number(
            "ropeTheta", default: 10_000, in: .above(1), "Base of the rotary frequencies.")
        embeddingDeviation = fields.number(
            "embeddingDeviation", default: 1, in: .above(0), "Standard deviation of the initial embedding.")
        matrixDeviation = fields.number(
            "matrixDeviation", default: 0.02, in: .above(0),
            "Standard deviation of the other initial matrices.")
        if heads > 0, width % heads != 0 || (width / heads) % 2 != 0 {
            fields.reject("width", "The width \(width) should be an even multiple of the \(heads) heads.")
        }
        if let keyValueHeads, keyValueHeads < 1 || heads % keyValueHeads != 0 {
            fields.reject(
                "keyValueHeads", "\(heads) heads can't share \(keyValueHeads) key-value heads evenly.")
        }
    }

    func configuration(vocabulary: Int, mask: Int32, end: Int32, positions: Int) throws
        -> TransformerConfiguration
    {
        var c = TransformerConfiguration(
            layers: layers, width: width, heads: heads, keyValueHeads: keyValueHeads,
            feedForwardWidth: feedForwardWidth, vocabulary: vocabulary)
        c.tiedHead = tiedHead
        c.queryKeyValueBias = queryKeyValueBias
        c.logitShift = logitShift
        c.attention = causal ? .causal : .bidirectional
        c.ropeTheta = ropeTheta
        c.maskToken = mask
        c.endToken = end
        c.maximumPositions = positions
        if let problem = c.problem { throw DataError(description: "the model can't be built: \(problem)") }
        return c
    }
}
