internal import ArtifactStore
internal import Audit
internal import ChatTemplates
internal import DataStages
internal import Files
internal import ModelStages
internal import Numerics
internal import Recipes
internal import Runs
internal import StageBasics
internal import SystemPackage
internal import Tokenizers
internal import Training
internal import Transformers

/// The model that a training of all parameters starts from, and what it becomes: the same, or a causal model made into a
/// masked-diffusion model, as Dream was made from Qwen2.5 (arXiv 2508.15487).
struct StartingModel {
    /// What is trained.
    let configuration: TransformerConfiguration
    /// How the result's files name things.
    let family: any ModelFamily.Type
    /// How questions become its tokens.
    let encoder: QuestionEncoder
    /// The token of what isn't decoded yet; the end token where no objective masks anything and the model has none.
    let mask: Int32
    /// The token that ends a text.
    let end: Int32
    /// A copy of the weights, to be trained.
    let parameters: FlatParameters
    /// What the log says of what the model becomes; nil where there is nothing to say.
    let note: String?
    private let tokens: ModelTokens
    private let masked: MaskedTokenizer?

    /// What a model gets before it is trained, as configurations write it.
    struct Changes {
        /// The token that a model without one gets, to become a masked-diffusion model.
        let maskToken: String?
        /// The chat template in the place of the model's own.
        let template: ChatTemplate?

        init(maskToken: String? = nil, template: ChatTemplate? = nil) {
            self.maskToken = maskToken
            self.template = template
        }

        /// Reads the keys `maskToken` and `chatTemplate`.
        init(_ fields: Fields) {
            maskToken = Self.maskToken(fields)
            template = Self.template(fields)
        }

        /// Refuses the keys where they mean nothing, each with a reason.
        func reject(_ fields: Fields, maskToken reason: String, template templateReason: String) {
            if maskToken != nil { fields.reject("maskToken", reason) }
            if template != nil { fields.reject("chatTemplate", templateReason) }
        }

        private static func maskToken(_ fields: Fields) -> String? {
            let token = fields.optionalString(
                "maskToken",
                "Makes a masked-diffusion model of an autoregressive one: the token (such as <|mask|>) that stands for what isn't "
                    + "decoded yet. The model attends both ways then, and its rows go on predicting the next token. Where the "
                    + "tokenizer hasn't got the token it is added, with a row of the embedding where none is to spare."
            )
            if let token, token.isEmpty || token.utf8.count > 100 {
                fields.reject("maskToken", "A token has 1 to 100 bytes.")
            }
            return token
        }

        private static func template(_ fields: Fields) -> ChatTemplate? {
            guard
                let text = fields.optionalString(
                    "chatTemplate",
                    "Jinja: how questions and conversations become text for this model, while it is trained and ever after. It is "
                        + "written as the model's chat_template.jinja; absent: the model keeps its own. A shorter one saves tokens of "
                        + "every question.")
            else { return nil }
            do throws(ChatTemplateError) { return try ChatTemplate(text, name: "chatTemplate") } catch {
                fields.reject("chatTemplate", "\(error)")
                return nil
            }
        }
    }

    /// Reads a model.
    ///
    /// - Parameters:
    ///   - changes: what the model gets first.
    ///   - objectives: what it is trained on.
    /// - Throws: ``DataError`` for a model that can't do what the objectives need, and where memory doesn't suffice; what
    ///   reading the model throws.
    init(_ folder: FilePath, _ changes: Changes, objectives: Set<PretrainingObjective>) throws {
        // Left when its weights are copied, so that they are there once while the copy is trained.
        let model = try LoadedModel(folder, needs: .end, template: changes.template)
        (encoder, tokens, end) = (model.encoder, model.tokens, model.tokens.end)
        var changed = model.configuration
        try PretrainingObjective.check(objectives, "\(folder)", changed.attention)
        let masks = objectives.contains { $0 != .autoregressive }
        let known = model.tokens.knownMask
        let isMasked = changed.attention != .causal && known != nil
        let maskToken = changes.maskToken
        guard let maskToken, !isMasked else {
            if masks, known == nil { throw DataError(description: ModelTokens.withoutMask(folder)) }
            guard !masks || isMasked else {
                throw DataError(
                    description:
                        "\(folder) attends to what is before each token only, so that it can't learn to fill masks; \"maskToken\" makes it a model that attends both ways."
                )
            }
            (configuration, family, mask, masked) = (changed, model.family, model.maskToken, nil)
            parameters = try Self.parameters(of: model, as: changed)
            note =
                maskToken == nil
                ? nil : "The model has a mask token already, \(mask); \"maskToken\" changes nothing."
            return
        }
        let made = try MaskedTokenizer(folder, token: maskToken)
        guard made.id != Int(end) else {
            throw DataError(
                description:
                    "The token \(maskToken) ends texts of \(folder); take another one as \"maskToken\".")
        }
        changed.attention = .bidirectional
        changed.maskToken = Int32(made.id)
        let rows = changed.vocabulary
        changed.vocabulary = max(rows, made.id + 1)
        if let problem = changed.problem {
            throw DataError(description: "the masked-diffusion model can't be built: \(problem)")
        }
        configuration = changed
        parameters = try Self.parameters(of: model, as: changed)
        family = model.family.maskedForm
        (mask, masked) = (Int32(made.id), made)
        note =
            "The model becomes one of type \(family.modelTypes[0]), with the mask token \(maskToken) (\(made.id)\(changed.vocabulary > rows ? ", a row more of the embedding" : ""))."
    }

    private static func parameters(
        of model: LoadedModel, as configuration: TransformerConfiguration
    ) throws(DataError) -> FlatParameters {
        try TrainingMemory.check(configuration)
        return FlatParameters(copying: model.transformer, as: configuration)
    }

    /// Whether the model's tokens are those of another tokenizer.
    func hasVocabulary(of words: WordLevelTokenizer) -> Bool {
        (tokens.tokenizer as? WordLevelTokenizer)?.hasSameVocabulary(as: words) ?? false
    }

    /// Writes what became of the model, with its tokenizer.
    func write(_ transformer: Transformer, to target: FilePath) throws {
        try Checkpoint.save(transformer, family: family, to: target)
        try tokens.write(to: target)
        for (name, bytes) in masked?.files ?? [:] {
            try FileSystem.writeAtomically(bytes, to: target.appending(name))
        }
    }
}

/// A model that a stage trains: all of its parameters, or an adapter beside them.
struct TrainedModel {
    /// The folder of an artifact that holds the adapter where the weights have it in them already.
    private static let besideWeights = "adapter"

    let model: LoadedModel
    let trainee: any Trainee
    private let source: ArtifactReference

    /// Reads the model of an artifact.
    ///
    /// - Parameters:
    ///   - adapter: what is trained instead of all parameters, if it is.
    ///   - needs: what the model's folder has to name.
    /// - Throws: As ``LoadedModel/init(_:_:needs:)``; ``DataError`` where memory doesn't suffice.
    init(
        _ source: ArtifactReference, adapter: AdapterFields?, needs: ModelTokens.Needs = .all,
        _ context: StageContext
    ) throws {
        self.source = source
        model = try LoadedModel(
            context.folder(of: source),
            adapter.map { .frozen($0.base ?? .stored, threads: context.threads) } ?? .precision(.float32),
            needs: needs)
        if let adapter {
            trainee = AdapterTraining(model.transformer, adapter.options, seed: context.seed)
        } else {
            try TrainingMemory.check(model.configuration)
            trainee = FullTraining(FlatParameters(copying: model.transformer))
        }
    }

    /// An optimiser of what is trained.
    func optimizer(_ fields: OptimizerFields, threads: Int) -> any Optimizer {
        (trainee as? AdapterTraining).map { fields.make($0, threads: threads) }
            ?? fields.make(model.configuration, family: model.family, threads: threads)
    }

    /// Writes the trained model with the tokenizer of the one that it was made of.
    ///
    /// A base in 32-bit floats is written with the adapter in its weights, and the adapter beside it. One in bfloat16 isn't
    /// written again: the result has the base's files, and the adapter, which is merged whenever it is read.
    func write(_ context: StageContext) throws {
        if let full = trainee as? FullTraining {
            return try model.write(try Transformer(over: full.weights), to: context.output)
        }
        guard let adapter = (trainee as? AdapterTraining)?.adapter else { return }
        let folder = context.folder(of: source)
        guard try Checkpoint.isStoredInBFloat16(folder) else {
            let stored = try Checkpoint.loadFrozen(folder, threads: context.threads)
            try model.write(stored, adding: adapter, to: context.output)
            try adapter.write(to: context.output.appending(Self.besideWeights), model.family)
            return
        }
        let record = context.record(of: source)
        for name in try ModelFolderStage.names(in: folder) {
            try context.adopt(
                FileSystem.target(of: folder.appending(name)), as: name, address: record.address(of: name))
        }
        try adapter.write(to: context.output, model.family)
    }

    /// Where a trained model's adapter is.
    static func adapterFolder(of artifact: FilePath) -> FilePath {
        LoRAOptions.isThere(artifact) ? artifact : artifact.appending(besideWeights)
    }

    /// How many parameters were trained of an artifact's model.
    static func trainedParameters(of artifact: FilePath, isAdapted: Bool) throws -> Int {
        let configuration = try Checkpoint.configuration(artifact)
        guard isAdapted else { return configuration.parameterCount }
        let adapter = try LoRAAdapter(
            adapterFolder(of: artifact), for: configuration, Checkpoint.family(artifact))
        return adapter.pairs.reduce(0) { $0 + $1.a.rows * $1.a.columns + $1.b.rows * $1.b.columns }
    }
}

/// Whether a machine can train all weights of a model.
enum TrainingMemory {
    /// Bytes of each parameter that every training has: the weight, its gradient and a momentum, in 32-bit floats.
    private static let bytes = 12

    /// Refuses a model that can't fit, before memory is asked for that isn't there.
    ///
    /// `plan` says what a training takes in all.
    /// - Throws: ``DataError``.
    static func check(_ configuration: TransformerConfiguration) throws(DataError) {
        let needed = bytes * configuration.parameterCount
        guard needed > Machine.current.memory else { return }
        func gigabytes(_ bytes: Int) -> String { "\(max(1, bytes / 1_000_000_000)) GB" }
        throw DataError(
            description:
                "to train all of its \(configuration.parameterCount) parameters takes at least \(gigabytes(needed)) of memory, and this machine has \(gigabytes(Machine.current.memory)). Train a smaller model, or an adapter (\"adapter\" of distill)."
        )
    }
}
