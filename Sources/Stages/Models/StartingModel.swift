internal import Files
internal import Recipes
internal import SystemPackage
internal import Tokenizers
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
    /// What the log says of what the model becomes; nil where there is nothing to say.
    let note: String?
    private let model: LoadedModel
    private let masked: MaskedTokenizer?

    /// The key `maskToken` of the kinds that train.
    static func maskToken(_ fields: Fields) -> String? {
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

    /// Reads a model.
    ///
    /// - Parameters:
    ///   - maskToken: the token that a model without one gets, to become a masked-diffusion model.
    ///   - masks: whether an objective of the training masks tokens.
    /// - Throws: ``DataError`` for a model that can't do what the objectives need; what reading the model throws.
    init(_ folder: FilePath, maskToken: String?, masks: Bool) throws {
        model = try LoadedModel(folder, needs: .end)
        (encoder, end) = (model.encoder, model.tokens.end)
        var changed = model.configuration
        let known = model.tokens.knownMask
        let isMasked = changed.attention != .causal && known != nil
        guard let maskToken, !isMasked else {
            if masks, known == nil { throw DataError(description: ModelTokens.withoutMask(folder)) }
            guard !masks || isMasked else {
                throw DataError(
                    description:
                        "\(folder) attends to what is before each token only, so that it can't learn to fill masks; \"maskToken\" makes it a model that attends both ways."
                )
            }
            (configuration, family, mask, masked) = (changed, model.family, model.maskToken, nil)
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
        family = model.family.maskedForm
        (mask, masked) = (Int32(made.id), made)
        note =
            "The model becomes one of type \(family.modelTypes[0]), with the mask token \(maskToken) (\(made.id)\(changed.vocabulary > rows ? ", a row more of the embedding" : ""))."
    }

    /// A copy of the weights, to be trained.
    ///
    /// - Throws: ``DataError`` where memory doesn't suffice.
    func parameters() throws -> FlatParameters {
        try TrainingMemory.check(configuration)
        return FlatParameters(copying: model.transformer, as: configuration)
    }

    /// Whether the model's tokens are those of another tokenizer.
    func hasVocabulary(of words: WordLevelTokenizer) -> Bool {
        (model.tokens.tokenizer as? WordLevelTokenizer)?.hasSameVocabulary(as: words) ?? false
    }

    /// Writes what became of the model, with its tokenizer.
    func write(_ transformer: Transformer, to target: FilePath) throws {
        try Checkpoint.save(transformer, family: family, to: target)
        try model.tokens.write(to: target)
        for (name, bytes) in masked?.files ?? [:] {
            try FileSystem.writeAtomically(bytes, to: target.appending(name))
        }
    }
}
