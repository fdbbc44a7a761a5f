internal import Files
internal import JSON
internal import Numerics
package import Recipes
package import Runs
internal import SystemPackage
internal import Tokenizers
internal import Training
internal import Transformers

/// Trains a model in phases, from scratch or from where another one stopped.
package struct PretrainStage: StageKind {
    package static let name = "pretrain"
    package static let version = 2
    package static let summary =
        "Trains a transformer, from scratch or on from another: autoregressive, masked-diffusion and mixed phases one "
        + "after another."
    package static let output = ArtifactType.model

    let data: ArtifactReference
    let tokenizer: ArtifactReference
    let start: Start
    let generationLength: Int
    let phases: [PhaseFields]
    let average: WeightAverage.Options?
    let precision: TrainingPrecision?
    let checkpointSeconds: Double

    enum Start {
        case scratch(ModelFields)
        case model(ArtifactReference)
    }

    package init(_ fields: Fields) {
        data = fields.artifact("data", types: [.dataset], "Problems to train on.")
        tokenizer = fields.artifact("tokenizer", types: [.tokenizer], "Tokenizer of the model.")
        let shape = "Shape of a model that is trained from scratch."
        if let from = fields.optionalArtifact(
            "from", types: [.model], "Go on from this model instead of from scratch.")
        {
            start = .model(from)
            if fields.optionalObject("model", shape, { ModelFields($0) }) != nil {
                fields.reject("model", "The shape is that of the model that training goes on from.")
            }
        } else {
            start = .scratch(fields.object("model", shape) { ModelFields($0) })
        }
        generationLength = fields.integer(
            "generationLength", default: 48, in: 1...65_536, "Tokens of a response, padding included.")
        phases = fields.objects("phases", atLeast: 1, "Training phases, in order.") { PhaseFields($0) }
        average = AverageFields.read(fields)
        precision = TrainingLoop.precision(fields)
        checkpointSeconds = TrainingLoop.checkpointSeconds(fields)
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let tokenizer = try WordLevelTokenizer(folder: context.folder(of: tokenizer))
        let (mask, end) = try ModelFolder.specialTokens(tokenizer, context.folder(of: self.tokenizer))
        let examples = try QuestionEncoder(tokenizer).examples(
            DataSet(context.folder(of: data), name: "\(data)").items(.train), endToken: end,
            generationLength: generationLength)
        guard !examples.isEmpty else {
            throw DataError(description: "the data set has no problems to train on")
        }
        let (parameters, family) = try parameters(context, tokenizer, mask: mask, end: end)
        let configuration = parameters.configuration
        let loop = TrainingLoop(
            context: context, trainee: FullTraining(parameters),
            phases: phases.enumerated().map { index, phase in
                phase.phase(
                    index, examples, configuration, family: family, mask: mask, seed: context.seed,
                    threads: context.threads)
            }, precision: precision ?? .float32, average: average, checkpointInterval: checkpointSeconds)
        let losses = try loop.run()
        try ModelFolder.write(
            try Transformer(over: parameters), family: family, tokenizer, to: context.output)
        return result(configuration, losses)
    }

    /// What the losses of the last steps come to.
    func result(_ configuration: TransformerConfiguration, _ losses: [LossReport.Group]) -> StageResult {
        let steps = phases.reduce(0) { $0 + $1.steps }
        let shown = losses.map { "\($0.name) \(($0.crossEntropy * 1000).rounded() / 1000)" }.joined(
            separator: ", ")
        var metrics: JSONObject = [
            "parameters": .integer(configuration.parameterCount), "steps": .integer(steps),
            "losses": .object(JSONObject(losses.map { ($0.name, .number($0.crossEntropy)) })),
        ]
        let last = phases.last?.steps ?? 0
        if let average { metrics["averagedSteps"] = .integer(average.count(of: last)) }
        return StageResult(
            summary: "\(configuration.parameterCount) parameters, \(steps) steps, final losses: \(shown)"
                + (average.map { ", \($0.sentence(steps: last))" } ?? ""),
            metrics: .object(metrics))
    }

    private func parameters(
        _ context: StageContext, _ tokenizer: WordLevelTokenizer, mask: Int32, end: Int32
    ) throws -> (FlatParameters, any ModelFamily.Type) {
        switch start {
        case .scratch(let fields):
            let configuration = try fields.configuration(
                vocabulary: tokenizer.vocabularySize, mask: mask, end: end, positions: 4096)
            try TrainingMemory.check(configuration)
            let initialization = Initialization(
                embedding: fields.embeddingDeviation, matrices: fields.matrixDeviation)
            return (initialization.parameters(configuration, seed: context.seed), LLaDAFamily.self)
        case .model(let reference):
            let model = try ModelFolder(context.folder(of: reference))
            guard model.tokenizer.hasSameVocabulary(as: tokenizer) else {
                throw DataError(
                    description:
                        "the model to go on from has another tokenizer; use the one it was trained with")
            }
            try TrainingMemory.check(model.transformer.configuration)
            return (FlatParameters(copying: model.transformer), model.family)
        }
    }
}
