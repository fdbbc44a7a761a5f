internal import Files
internal import SystemPackage
internal import Tokenizers
internal import Transformers

/// The model that a student starts from: made here, with words as tokens, or a checkpoint with a tokenizer of its own.
struct Teacher {
    let transformer: Transformer
    /// How its files name things.
    let family: any ModelFamily.Type
    let maskToken: Int32
    let endToken: Int32
    /// How questions become its tokens.
    let encoder: QuestionEncoder
    private let folder: FilePath
    private let tokenizer: any Tokenizer

    /// Reads a model.
    ///
    /// - Parameters:
    ///   - frozen: how linear layers are kept that aren't trained; nil for 32-bit floats, which the training of all
    ///     parameters needs.
    ///   - threads: how many threads may be used.
    /// - Throws: What reading model or tokenizer throws; ``DataError`` without a mask token or an end token;
    ///   ``DamagedFileError`` where the two don't belong together.
    init(_ folder: FilePath, frozen: FrozenForm? = nil, threads: Int = 1) throws {
        self.folder = folder
        transformer =
            try frozen.map { try Checkpoint.loadFrozen(folder, $0, threads: threads) }
            ?? Checkpoint.load(folder)
        family = try Checkpoint.family(folder)
        let tokens = try ModelTokens(folder)
        (tokenizer, maskToken, endToken) = (tokens.tokenizer, tokens.mask, tokens.end)
        encoder = tokens.encoder
    }

    /// Writes a student with the teacher's tokenizer.
    ///
    /// - Parameter adapter: what is added to the student's weights.
    func write(_ student: Transformer, adding adapter: LoRAAdapter? = nil, to target: FilePath) throws {
        try Checkpoint.save(student, adding: adapter, family: family, to: target)
        if let words = tokenizer as? WordLevelTokenizer { return try words.write(to: target) }
        for name in ModelTokens.files where FileSystem.exists(folder.appending(name)) {
            try FileSystem.writeAtomically(
                try FileSystem.read(folder.appending(name)), to: target.appending(name))
        }
    }
}

/// What the folder of a model says of its tokens; its weights aren't read.
struct ModelTokens {
    /// The files that a tokenizer may consist of.
    static let files = [
        "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json",
        "added_tokens.json", "chat_template.jinja",
    ]

    let tokenizer: any Tokenizer
    /// How questions become its tokens.
    let encoder: QuestionEncoder
    /// How many rows the model's logits have.
    let vocabulary: Int
    let mask: Int32
    let end: Int32

    /// How answers become text.
    var answers: AnswerTokens { AnswerTokens(tokenizer: tokenizer, end: end) }
    /// Whether its tokens are words, as a tokenizer of this program has them.
    var areWords: Bool { tokenizer is WordLevelTokenizer }

    /// - Throws: As ``Teacher/init(_:)``.
    init(_ folder: FilePath) throws {
        let configuration = try Checkpoint.configuration(folder)
        let files = try TokenizerFiles(folder: folder)
        tokenizer = files.tokenizer
        encoder = QuestionEncoder(files, configuration, name: "\(folder)")
        vocabulary = configuration.vocabulary
        if let words = tokenizer as? WordLevelTokenizer {
            (mask, end) = try ModelFolder.specialTokens(words, folder)
        } else {
            // A checkpoint's configuration knows better than its tokenizer, as decoding takes it.
            guard let mask = configuration.maskToken ?? tokenizer.maskTokenId.map(Int32.init),
                let end = configuration.endToken ?? tokenizer.eosTokenId.map(Int32.init)
            else {
                throw DataError(
                    description:
                        "\(folder): neither config.json (\"mask_token_id\", \"eos_token_id\") nor the tokenizer names a mask token and an end-of-text token."
                )
            }
            (self.mask, self.end) = (mask, end)
        }
        guard tokenizer.vocabularySize <= vocabulary else {
            throw DamagedFileError(
                folder,
                "the tokenizer has \(tokenizer.vocabularySize) tokens, the model only "
                    + "\(vocabulary); they don't belong together.")
        }
    }
}
