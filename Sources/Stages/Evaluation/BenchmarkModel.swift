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
    /// How questions become its tokens.
    let encoder: QuestionEncoder
    let maskToken: Int32
    let endToken: Int32?

    /// - Throws: ``DataError`` where tokenizer and model don't fit; what reading either throws.
    init(_ source: AnsweringModel.Source) throws {
        transformer = try Checkpoint.load(source.folder, precision: source.precision)
        files = try TokenizerFiles(folder: source.folder)
        encoder = QuestionEncoder(files, transformer.configuration, name: "\(source.folder)")
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
}
