package import ChatTemplates
package import DataStages
internal import Decoding
internal import Evaluation
internal import Files
package import Numerics
internal import StageBasics
package import SystemPackage
package import Tokenizers
package import Transformers

/// A model with its tokenizer: made here, with words as tokens, or a checkpoint with a tokenizer of its own.
package struct LoadedModel: Sendable {
    package let transformer: Transformer
    /// How its files name things.
    package let family: any ModelFamily.Type
    package let tokens: ModelTokens
    private let folder: FilePath

    /// How weights are kept.
    package enum Form {
        /// 32-bit floats, which the training of all parameters needs, or linear layers in less.
        case precision(WeightPrecision)
        /// Weights that aren't trained; `threads` pack those that are quantised.
        case frozen(FrozenForm, threads: Int)
    }

    /// Reads a model.
    ///
    /// - Parameters:
    ///   - needs: what the model's folder has to name, see ``ModelTokens/init(_:needs:template:)``.
    ///   - template: a chat template in the place of the folder's.
    /// - Throws: What reading model or tokenizer throws; as ``ModelTokens/init(_:needs:template:)``.
    package init(
        _ folder: FilePath, _ form: Form = .precision(.float32), needs: ModelTokens.Needs = .all,
        template: ChatTemplate? = nil
    ) throws {
        self.folder = folder
        transformer =
            switch form {
            case .precision(let precision): try Checkpoint.load(folder, precision: precision)
            case .frozen(let form, let threads):
                try Checkpoint.loadFrozen(folder, form, threads: threads)
            }
        family = try Checkpoint.family(folder)
        tokens = try ModelTokens(folder, needs: needs, template: template)
    }

    package var configuration: TransformerConfiguration { transformer.configuration }
    package var maskToken: Int32 { tokens.mask }
    /// How questions become its tokens.
    package var encoder: QuestionEncoder { tokens.encoder }

    /// Writes a model that was made of this one, with this one's tokenizer.
    ///
    /// - Parameter adapter: what is added to the weights.
    package func write(_ changed: Transformer, adding adapter: LoRAAdapter? = nil, to target: FilePath) throws
    {
        try Checkpoint.save(changed, adding: adapter, family: family, to: target)
        try tokens.write(to: target)
    }
}

/// What the folder of a model says of its tokens; its weights aren't read.
package struct ModelTokens: Sendable {
    /// The files that a tokenizer may consist of, and the one that says where texts end.
    static let fileNames = [
        "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json",
        "added_tokens.json", "chat_template.jinja", "generation_config.json",
    ]

    /// What a stage can't do without.
    package struct Needs: OptionSet {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        /// A token for what isn't decoded yet.
        package static let mask = Needs(rawValue: 1)
        /// A token that ends a text.
        package static let end = Needs(rawValue: 2)
        package static let all: Needs = [.mask, .end]
    }

    package let tokenizer: any Tokenizer
    /// How questions become its tokens.
    package let encoder: QuestionEncoder
    /// How many rows the model's logits have.
    package let vocabulary: Int
    /// The token of what isn't decoded yet; of a model that has none, where none is needed, its end token.
    package let mask: Int32
    /// The same; nil for a model that has none.
    package let knownMask: Int32?
    /// The token that ends a text; nil only where none is needed.
    package let knownEnd: Int32?
    /// Other tokens that end a text.
    package let furtherEnds: [Int32]
    /// What generation_config.json asks of repeated tokens; 1 for nothing.
    package let repetitionPenalty: Double
    private let folder: FilePath
    /// The chat template in the place of the folder's; nil where that counts.
    private let template: ChatTemplate?

    /// How answers become text.
    package var answers: AnswerTokens { AnswerTokens(tokenizer: tokenizer, ends: ends) }
    /// All tokens that end a text.
    package var ends: Set<Int32> { Set(furtherEnds).union(knownEnd.map { [$0] } ?? []) }
    /// Whether its tokens are words, as a tokenizer of this program has them.
    package var areWords: Bool { tokenizer is WordLevelTokenizer }
    /// The token that ends a text, for who said that one is needed.
    package var end: Int32 {
        guard let knownEnd else { preconditionFailure("an end token was not asked for") }
        return knownEnd
    }

    /// - Parameter template: a chat template in the place of the folder's.
    /// - Throws: ``DataError`` where the model doesn't name what is needed, and for a template where tokens are words;
    ///   ``DamagedFileError`` where model and tokenizer don't belong together; what reading configuration and tokenizer throws.
    package init(_ folder: FilePath, needs: Needs = .all, template: ChatTemplate? = nil) throws {
        let configuration = try Checkpoint.configuration(folder)
        let own = try TokenizerFiles(folder: folder)
        let files = template.map { own.with(template: $0) } ?? own
        self.folder = folder
        self.template = template
        if template != nil, files.tokenizer is WordLevelTokenizer {
            throw DataError(
                description:
                    "\(folder) has words as tokens and no chat template, so that it can't get another one; leave \"chatTemplate\" out."
            )
        }
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
    package static func withoutMask(_ folder: FilePath) -> String {
        DecodingMethod.withoutMask("\(folder)", neededBy: "this stage")
    }

    /// Writes the tokenizer's files to another folder.
    package func write(to target: FilePath) throws {
        if let words = tokenizer as? WordLevelTokenizer { return try words.write(to: target) }
        for (name, bytes) in try TokenizerFiles.converted(folder) {
            try FileSystem.writeAtomically(bytes, to: target.appending(name))
        }
        for name in Self.fileNames
        where FileSystem.exists(folder.appending(name))
            && (template == nil || name != TokenizerFiles.templateName)
        {
            try FileSystem.writeAtomically(
                try FileSystem.read(folder.appending(name)), to: target.appending(name))
        }
        if let template {
            try FileSystem.writeAtomically(
                Array(template.source.utf8), to: target.appending(TokenizerFiles.templateName))
        }
    }
}

/// What turns the tokens of an answer into the text that is graded.
package struct AnswerTokens: Sendable {
    let tokenizer: any Tokenizer
    /// The tokens that end a text; none where the model has none.
    let ends: Set<Int32>

    package init(tokenizer: any Tokenizer, ends: Set<Int32>) {
        (self.tokenizer, self.ends) = (tokenizer, ends)
    }

    /// The text of an answer to a question of a task: what stands before the first end token.
    ///
    /// Digits that stand apart only because each is a token are put together again.
    package func text(_ response: [Int32]) -> String {
        let text = tokenizer.decode(
            tokenIds: response.prefix { !ends.contains($0) }.map(Int.init), skipSpecialTokens: true)
        return tokenizer is WordLevelTokenizer ? Self.joiningDigits(text) : text
    }

    /// The text of an answer to a generated problem, as its grader reads one: with the end of text as a word.
    ///
    /// Words are joined as they are, what stands behind the end too; of other tokens only what stands before it is text.
    package func problemText(_ response: [Int32]) -> String {
        guard !(tokenizer is WordLevelTokenizer) else {
            return tokenizer.decode(tokenIds: response.map(Int.init), skipSpecialTokens: false)
        }
        let hasEnd = response.contains(where: ends.contains)
        return text(response) + (hasEnd ? " " + Grader().endOfText : "")
    }

    private static func joiningDigits(_ text: String) -> String {
        let bytes = Array(text.utf8)
        func isDigit(_ index: Int) -> Bool {
            bytes.indices.contains(index) && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index])
        }
        let kept = bytes.indices.filter {
            bytes[$0] != UInt8(ascii: " ") || !isDigit($0 - 1) || !isDigit($0 + 1)
        }
        return String(decoding: kept.map { bytes[$0] }, as: UTF8.self)
    }
}
