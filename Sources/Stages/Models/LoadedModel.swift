internal import Decoding
internal import Files
internal import Numerics
internal import SystemPackage
internal import Tokenizers
internal import Transformers

/// A model with its tokenizer: made here, with words as tokens, or a checkpoint with a tokenizer of its own.
struct LoadedModel: Sendable {
    let transformer: Transformer
    /// How its files name things.
    let family: any ModelFamily.Type
    let tokens: ModelTokens
    private let folder: FilePath

    /// How weights are kept.
    enum Form {
        /// 32-bit floats, which the training of all parameters needs, or linear layers in less.
        case precision(WeightPrecision)
        /// Weights that aren't trained; `threads` pack those that are quantised.
        case frozen(FrozenForm, threads: Int)
    }

    /// Reads a model.
    ///
    /// - Parameter needs: what the model's folder has to name, see ``ModelTokens/init(_:needs:)``.
    /// - Throws: What reading model or tokenizer throws; as ``ModelTokens/init(_:needs:)``.
    init(
        _ folder: FilePath, _ form: Form = .precision(.float32), needs: ModelTokens.Needs = .all
    ) throws {
        self.folder = folder
        transformer =
            switch form {
            case .precision(let precision): try Checkpoint.load(folder, precision: precision)
            case .frozen(let form, let threads):
                try Checkpoint.loadFrozen(folder, form, threads: threads)
            }
        family = try Checkpoint.family(folder)
        tokens = try ModelTokens(folder, needs: needs)
    }

    var configuration: TransformerConfiguration { transformer.configuration }
    var maskToken: Int32 { tokens.mask }
    /// How questions become its tokens.
    var encoder: QuestionEncoder { tokens.encoder }

    /// Writes a model that was made of this one, with this one's tokenizer.
    ///
    /// - Parameter adapter: what is added to the weights.
    func write(_ changed: Transformer, adding adapter: LoRAAdapter? = nil, to target: FilePath) throws {
        try Checkpoint.save(changed, adding: adapter, family: family, to: target)
        try tokens.write(to: target)
    }
}

/// What the folder of a model says of its tokens; its weights aren't read.
struct ModelTokens: Sendable {
    /// The files that a tokenizer may consist of, and the one that says where texts end.
    static let fileNames = [
        "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json",
        "added_tokens.json", "chat_template.jinja", "generation_config.json",
    ]

    /// What a stage can't do without.
    struct Needs: OptionSet {
        let rawValue: Int
        /// A token for what isn't decoded yet.
        static let mask = Needs(rawValue: 1)
        /// A token that ends a text.
        static let end = Needs(rawValue: 2)
        static let all: Needs = [.mask, .end]
    }

    let tokenizer: any Tokenizer
    /// How questions become its tokens.
    let encoder: QuestionEncoder
    /// How many rows the model's logits have.
    let vocabulary: Int
    /// The token of what isn't decoded yet; of a model that has none, where none is needed, its end token.
    let mask: Int32
    /// The same; nil for a model that has none.
    let knownMask: Int32?
    /// The token that ends a text; nil only where none is needed.
    let knownEnd: Int32?
    /// Other tokens that end a text.
    let furtherEnds: [Int32]
    /// What generation_config.json asks of repeated tokens; 1 for nothing.
    let repetitionPenalty: Double
    private let folder: FilePath

    /// How answers become text.
    var answers: AnswerTokens { AnswerTokens(tokenizer: tokenizer, ends: ends) }
    /// All tokens that end a text.
    var ends: Set<Int32> { Set(furtherEnds).union(knownEnd.map { [$0] } ?? []) }
    /// Whether its tokens are words, as a tokenizer of this program has them.
    var areWords: Bool { tokenizer is WordLevelTokenizer }
    /// The token that ends a text, for who said that one is needed.
    var end: Int32 {
        guard let knownEnd else { preconditionFailure("an end token was not asked for") }
        return knownEnd
    }

    /// - Throws: ``DataError`` where the model doesn't name what is needed; ``DamagedFileError`` where model and tokenizer
    ///   don't belong together; what reading configuration and tokenizer throws.
    init(_ folder: FilePath, needs: Needs = .all) throws {
        let configuration = try Checkpoint.configuration(folder)
        let files = try TokenizerFiles(folder: folder)
        self.folder = folder
        tokenizer = files.tokenizer
        encoder = QuestionEncoder(files, configuration, name: "\(folder)")
        vocabulary = configuration.vocabulary
        let known: (mask: Int32?, end: Int32?)
        if let words = tokenizer as? WordLevelTokenizer {
            // The tokenizer decides: the model was made for it.
            known = (words.maskTokenId.map(Int32.init), words.eosTokenId.map(Int32.init))
        } else {
            // A checkpoint's configuration knows better than its tokenizer.
            known = (
                configuration.maskToken ?? tokenizer.maskTokenId.map(Int32.init),
                configuration.endToken ?? tokenizer.eosTokenId.map(Int32.init)
            )
        }
        let generation = try GenerationDefaults(folder)
        // An autoregressive model generates as transformers has it generate, where no stage needs to know an end.
        let goesOn = configuration.attention == .causal && generation.endsNothing && !needs.contains(.end)
        knownMask = known.mask
        knownEnd = goesOn ? nil : known.end
        repetitionPenalty = generation.repetitionPenalty
        furtherEnds = goesOn ? [] : configuration.furtherEndTokens.filter { $0 != known.end }
        guard let mask = known.mask ?? (needs.contains(.mask) ? nil : knownEnd ?? 0) else {
            throw DataError(description: Self.withoutMask(folder))
        }
        self.mask = mask
        guard knownEnd != nil || !needs.contains(.end) else {
            throw DataError(
                description:
                    "\(folder): neither config.json (\"eos_token_id\") nor the tokenizer names an end-of-text token, which this stage needs."
            )
        }
        guard tokenizer.vocabularySize <= vocabulary else {
            throw DamagedFileError(
                folder,
                "the tokenizer has \(tokenizer.vocabularySize) tokens, the model only "
                    + "\(vocabulary); they don't belong together.")
        }
    }

    /// What is said of a model without a mask token.
    static func withoutMask(_ folder: FilePath) -> String {
        DecodingMethod.withoutMask("\(folder)", neededBy: "this stage")
    }

    /// Writes the tokenizer's files to another folder.
    func write(to target: FilePath) throws {
        if let words = tokenizer as? WordLevelTokenizer { return try words.write(to: target) }
        for (name, bytes) in try TokenizerFiles.converted(folder) {
            try FileSystem.writeAtomically(bytes, to: target.appending(name))
        }
        for name in Self.fileNames where FileSystem.exists(folder.appending(name)) {
            try FileSystem.writeAtomically(
                try FileSystem.read(folder.appending(name)), to: target.appending(name))
        }
    }
}

extension WordLevelTokenizer {
    /// Token ids as the models take them.
    func ids(_ text: String) -> [Int32] { encode(text: text, addSpecialTokens: false).map(Int32.init) }
}
