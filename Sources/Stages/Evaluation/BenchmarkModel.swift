internal import Decoding
internal import Evaluation
internal import JSON
internal import SystemPackage
internal import Tokenizers
internal import Transformers

/// A checkpoint in Hugging Face layout with the tokenizer that it came with.
struct BenchmarkModel: Sendable {
    let transformer: Transformer
    let files: TokenizerFiles
    let maskToken: Int32
    let endToken: Int32?

    /// - Throws: ``DataError`` where tokenizer and model don't fit; what reading either throws.
    init(_ source: AnsweringModel.Source) throws {
        transformer = try Checkpoint.load(source.folder, precision: source.precision)
        files = try TokenizerFiles(folder: source.folder)
        let configuration = transformer.configuration
        let (tokenizer, folder) = (files.tokenizer, source.folder)
        endToken = configuration.endToken ?? tokenizer.eosTokenId.map(Int32.init)
        let mask = configuration.maskToken ?? tokenizer.maskTokenId.map(Int32.init)
        guard let mask = mask ?? (source.needsMask ? nil : endToken ?? 0) else {
            let others = DecodingMethod.all.filter { !$0.needsMask }.map { "\"\($0.name)\"" }
            throw DataError(
                description:
                    "\(folder): neither config.json (\"mask_token_id\") nor the tokenizer names a mask token, which this decoder needs. Autoregressive models have none: decode them with the method \(others.joined(separator: " or "))."
            )
        }
        maskToken = mask
        let largest = tokenizer.vocabularySize
        guard largest <= configuration.vocabulary else {
            throw DataError(
                description:
                    "\(folder): the tokenizer has \(largest) tokens, the model only \(configuration.vocabulary); they don't belong together."
            )
        }
    }

    /// The text that the model gets to see.
    ///
    /// What the answer starts with stands behind the template's beginning of an answer: the message stays open.
    /// - Throws: `ChatTemplateError`, also for a chat without a template.
    func text(_ prompt: TaskPrompt) throws(ChatTemplateError) -> String {
        switch prompt.form {
        case .plain: prompt.text
        case .chat:
            try files.applyChatTemplate(to: [ChatMessage(role: "user", content: prompt.text)])
                + prompt.answerPrefix
        }
    }

    /// The tokens of a text, framed as the tokenizer does it: upstream gives templates to it like any text.
    ///
    /// - Throws: `TokenizerError` when a pattern of the tokenizer takes too long on the text.
    func tokens(_ text: String) throws(TokenizerError) -> [Int32] {
        try files.tokenizer.encode(text: text, addSpecialTokens: true).map(Int32.init)
    }
}
