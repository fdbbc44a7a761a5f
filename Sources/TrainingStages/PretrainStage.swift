package import ArtifactStore
internal import DataStages
internal import Files
internal import JSON
internal import Numerics
package import Recipes
package import Runs
internal import StageBasics
package import SystemPackage
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
    package static let followsThreads = true

    let data: ArtifactReference
    let start: Start
    package let rows: TrainingRows
    package let phases: [PhaseFields]
    let loop: LoopFields

    enum Start {
        case scratch(ModelFields, tokenizer: ArtifactReference)
        /// The tokenizer may be named too, to be compared with the model's.
        case model(ArtifactReference, tokenizer: ArtifactReference?, StartingModel.Changes)
    }

    package init(_ fields: Fields) {
        data = fields.artifact("data", types: [.dataset], "Problems to train on.")
        let tokenizer = fields.optionalArtifact(
            "tokenizer", types: [.tokenizer],
            "Tokenizer of a model from scratch; one that training goes on from has its own.")
        let shape = "Shape of a model that is trained from scratch."
        if let from = fields.optionalArtifact(
            "from", types: [.model],
            "Go on from this model, made here or a checkpoint, instead of from scratch.")
        {
            start = .model(from, tokenizer: tokenizer, StartingModel.Changes(fields))
            if fields.optionalObject("model", shape, { ModelFields($0) }) != nil {
                fields.reject("model", "The shape is that of the model that training goes on from.")
            }
        } else {
            if tokenizer == nil {
                fields.reject(
                    "tokenizer",
                    "The key \"tokenizer\" is missing: a model from scratch needs a tokenizer (or \"from\" a model that has one)."
                )
            }
            start = .scratch(
                fields.object("model", shape) { ModelFields($0) },
                tokenizer: tokenizer ?? ArtifactReference.placeholder)
            StartingModel.Changes(fields).reject(
                fields,
                maskToken:
                    "A model from scratch has the mask token of its tokenizer; this is for one that training goes on from.",
                template: "A model from scratch has words as tokens and no chat template.")
        }
        rows = TrainingRows(fields) {
            $0.integer(
                "generationLength", default: 48, in: 1...65_536, "Tokens of a response, padding included.")
        }
        phases = fields.objects("phases", atLeast: 1, "Training phases, in order.") { PhaseFields($0) }
        loop = LoopFields(fields)
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let base = try base(context)
        let configuration = base.parameters.configuration
        let examples = try rows.examples(
            DataSet(context.folder(of: data), name: "\(data)"), base.encoder, end: base.end)
        let losses = try TrainingLoop(
            context: context, trainee: FullTraining(base.parameters),
            phases: phases.enumerated().map { index, phase in
                phase.phase(
                    index, examples, configuration, family: base.family, mask: base.mask, seed: context.seed,
                    threads: context.threads)
            }, settings: loop
        ).run()
        try base.write(try Transformer(over: base.parameters), context.output)
        return result(configuration, losses)
    }

    /// What training begins with.
    private struct Base {
        let parameters: FlatParameters
        let family: any ModelFamily.Type
        let encoder: QuestionEncoder
        let mask: Int32
        let end: Int32
        /// Writes the trained model to a folder.
        let write: (Transformer, FilePath) throws -> Void
    }

    private func base(_ context: StageContext) throws -> Base {
        switch start {
        case .scratch(let fields, let reference):
            let folder = context.folder(of: reference)
            let tokenizer = try WordLevelTokenizer(folder: folder)
            guard let mask = tokenizer.maskTokenId.map(Int32.init),
                let end = tokenizer.eosTokenId.map(Int32.init)
            else {
                throw DataError(
                    description: "\(folder): the tokenizer has no mask token or no end-of-text token")
            }
            let configuration = try fields.configuration(
                vocabulary: tokenizer.vocabularySize, mask: mask, end: end, positions: 4096)
            try TrainingMemory.check(configuration)
            let initialization = Initialization(
                embedding: fields.embeddingDeviation, matrices: fields.matrixDeviation)
            return Base(
                parameters: initialization.parameters(configuration, seed: context.seed),
                family: LLaDAFamily.self, encoder: QuestionEncoder(tokenizer), mask: mask, end: end
            ) {
                try Checkpoint.save($0, to: $1)
                try tokenizer.write(to: $1)
            }
        case .model(let reference, let tokenizer, let changes):
            let model = try StartingModel(
                context.folder(of: reference), changes,
                objectives: Set(phases.flatMap { $0.mixture.map(\.objective) }))
            if let tokenizer,
                !model.hasVocabulary(of: try WordLevelTokenizer(folder: context.folder(of: tokenizer)))
            {
                throw DataError(
                    description:
                        "the model to go on from has another tokenizer; use the one it was trained with, or leave out \"tokenizer\""
                )
            }
            try rows.check(model.configuration)
            if let note = model.note { context.log(note) }
            return Base(
                parameters: model.parameters, family: model.family, encoder: model.encoder,
                mask: model.mask, end: model.end, write: { try model.write($0, to: $1) })
        }
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
        if let average = loop.average { metrics["averagedSteps"] = .integer(average.count(of: last)) }
        return StageResult(
            summary: "\(configuration.parameterCount) parameters, \(steps) steps, final losses: \(shown)"
                + (loop.average.map { ", \($0.sentence(steps: last))" } ?? ""),
            metrics: .object(metrics))
    }
}

extension PretrainStage: RecomputableStage {
    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        let losses = try TrainingLog.finalGroups(
            in: artifact.appending("training.jsonl"), phases: phases.map { ($0.name, $0.steps) })
        return result(try Checkpoint.configuration(artifact), losses)
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

extension PretrainStage {
    /// The shape of the model: from the keys, or that of the model that training goes on from.
    package func facts(_ context: ForecastContext) -> Facts {
        configuration(context).map { Facts($0) } ?? [:]
    }

    /// The steps of all phases, each phase with its own batch.
    ///
    /// Rows of a batch are prompts with padded responses. Of a response, the loss takes all tokens where it is
    /// autoregressive, and half of them, or of a window, where they are masked at a ratio drawn from (0, 1).
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let data = context.facts(of: data)
        guard let configuration = configuration(context), let prompt = data[.promptTokens] else { return nil }
        let tokens = rows.tokens(prompt: prompt)
        let steps = phases.map { phase -> TrainingCost.Steps in
            TrainingCost.Steps(
                count: phase.steps,
                batch: PassShape(
                    configuration, sequences: phase.rows, tokens: tokens * phase.meanStreams,
                    logitRows: phase.meanLossRows(response: rows.learnt)),
                keepsActivations: false, isMuon: phase.isMuon)
        }
        var model: ArtifactReference?
        if case .model(let reference, _, _) = start { model = reference }
        return loop.forecast(steps, from: model, problems: data[.train] ?? 0, context)
    }

    private func configuration(_ context: ForecastContext) -> TransformerConfiguration? {
        switch start {
        case .model(let reference, _, _): return context.facts(of: reference).configuration
        case .scratch(let fields, let tokenizer):
            guard let vocabulary = context.facts(of: tokenizer).count(.vocabulary) else { return nil }
            return try? fields.configuration(
                vocabulary: max(8, vocabulary), mask: 0, end: 1, positions: 4096)
        }
    }
}

extension PhaseFields {
    /// Rows of a batch.
    fileprivate var rows: Int { mixture.reduce(0) { $0 + $1.rows } }

    fileprivate var isMuon: Bool { optimizer.kind == .muon }

    /// How many times a row's tokens are fed, on the mean: objectives with blocks feed them clean and noisy.
    fileprivate var meanStreams: Double {
        Double(mixture.reduce(0) { $0 + $1.rows * $1.objective.streams }) / Double(max(1, rows))
    }

    /// Tokens per row that the loss is taken at, on the mean.
    fileprivate func meanLossRows(response: Double) -> Double {
        let sum = mixture.reduce(0.0) { sum, share in
            let rows = share.objective.meanLossRows(response: response, windowLength: windowLength)
            return sum + Double(share.rows) * rows
        }
        return sum / Double(max(1, rows))
    }
}
