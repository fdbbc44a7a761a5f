package import Base
internal import Decoding
internal import Files
internal import JSON
package import Numerics
package import SystemPackage
internal import Tokenizers
internal import Transformers

extension LiveModel {
    /// Loads a folder in Hugging Face layout: an artifact of this program or a checkpoint from elsewhere.
    ///
    /// - Parameters:
    ///   - precision: how the linear layers are kept; less than 32 bits saves memory and time.
    ///   - method: name of the method that will decode, if it is known: one that the model lacks the mask token for is
    ///     refused before many gigabytes are read.
    /// - Throws: ``SessionError`` when there is no mask token; `DecodingError` for the method; `CheckpointError`,
    ///   `TokenizerError`, `JSONSyntaxError`, `FileError`, `BLASError`.
    package init(
        folder: FilePath, precision: WeightPrecision = .float32, threads: Int = Threads.available,
        method: String? = nil
    ) throws {
        let name = folder.lexicallyNormalized().lastComponent?.string ?? folder.string
        let files = try TokenizerFiles(folder: folder)
        if let method {
            let ownMask = Self.ownMask(try Checkpoint.configuration(folder), files.tokenizer)
            try DecoderSetting.check(.named(method), name, hasMask: ownMask != nil)
        }
        try self.init(
            name: name, folder: folder,
            transformer: Checkpoint.load(folder, precision: precision, threads: threads), files: files,
            generation: GenerationDefaults(folder))
    }

    init(
        name: String, folder: FilePath, transformer: Transformer, files: TokenizerFiles,
        generation: GenerationDefaults? = nil
    ) throws(SessionError) {
        repetitionPenalty = generation?.repetitionPenalty ?? 1
        let configuration = transformer.configuration
        let tokenizer = files.tokenizer
        self.name = name
        self.folder = folder
        self.transformer = transformer
        self.files = files
        // An autoregressive model generates as transformers has it generate.
        let goesOn = configuration.attention == .causal && generation?.endsNothing ?? false
        endToken = goesOn ? nil : configuration.endToken ?? tokenizer.eosTokenId.map { Int32($0) }
        furtherEndTokens = goesOn ? [] : configuration.furtherEndTokens
        // An autoregressive model has no mask, and its decoder doesn't ask for one: any token will do.
        let fallback = configuration.attention == .causal ? endToken ?? 0 : nil
        let ownMask = Self.ownMask(configuration, tokenizer)
        hasMaskToken = ownMask != nil
        guard let mask = ownMask ?? fallback else {
            throw SessionError(
                .unsuitableModel,
                "\(folder) has no mask token, neither \"mask_token_id\" in config.json nor \"mask_token\" in "
                    + "tokenizer_config.json. Only masked-diffusion models and autoregressive ones can be decoded."
            )
        }
        maskToken = mask
        for (role, token) in [("mask", mask), ("end", endToken ?? mask)]
        where token < 0 || token >= configuration.vocabulary {
            throw SessionError(
                .unsuitableModel,
                "\(folder): the \(role) token is \(token), but the model has \(configuration.vocabulary) tokens. "
                    + "Check that config.json and tokenizer belong together.")
        }
        if files.hasChatTemplate {
            manner = .conversation
        } else if let words = tokenizer as? WordLevelTokenizer, words.separatorTokenId != nil {
            manner = .wordProblems
        } else {
            manner = .continuation
        }
    }

    /// The mask token that a model was made for.
    private static func ownMask(
        _ configuration: TransformerConfiguration, _ tokenizer: any Tokenizer
    ) -> Int32? {
        configuration.maskToken ?? tokenizer.maskTokenId.map { Int32($0) }
    }
}

/// Why a model can't be loaded for decoding live, or can't take a prompt.
package struct SessionError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    /// What kind of problem this is.
    package enum Code: Sendable, Hashable {
        /// The model lacks something that decoding needs.
        case unsuitableModel
        /// The prompt is empty, or too long for the model.
        case invalidPrompt
        /// A setting of the decoder is wrong.
        case invalidSetting
        /// A sample isn't in its data set.
        case unknownSample
    }

    package let code: Code
    /// What is wrong and what would be right, in full sentences.
    package let description: String

    /// A problem, in full sentences.
    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
