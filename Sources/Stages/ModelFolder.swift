internal import Evaluation
internal import Numerics
internal import SystemPackage
internal import Tokenizers
internal import Training
internal import Transformers

/// A model artifact: checkpoint and tokenizer in one folder.
struct ModelFolder {
    let transformer: Transformer
    /// How its files name things.
    let family: any ModelFamily.Type
    let tokenizer: WordLevelTokenizer
    let endToken: Int32
    let maskToken: Int32

    /// - Parameter precision: how the linear layers are kept; training needs 32-bit floats.
    init(_ folder: FilePath, precision: WeightPrecision = .float32) throws {
        transformer = try Checkpoint.load(folder, precision: precision)
        family = try Checkpoint.family(folder)
        tokenizer = try WordLevelTokenizer(folder: folder)
        (maskToken, endToken) = try Self.specialTokens(tokenizer, folder)
        guard tokenizer.vocabularySize <= transformer.configuration.vocabulary else {
            throw DamagedFileError(
                folder,
                "the tokenizer has \(tokenizer.vocabularySize) tokens, the model only "
                    + "\(transformer.configuration.vocabulary); they don't belong together.")
        }
    }

    /// Writes a model and the tokenizer it was trained with.
    static func write(
        _ transformer: Transformer, family: any ModelFamily.Type = LLaDAFamily.self,
        _ tokenizer: WordLevelTokenizer, to folder: FilePath
    ) throws {
        try Checkpoint.save(transformer, family: family, to: folder)
        try tokenizer.write(to: folder)
    }

    /// Ids of the mask and of the end-of-text token.
    static func specialTokens(
        _ tokenizer: WordLevelTokenizer, _ folder: FilePath
    ) throws -> (mask: Int32, end: Int32) {
        guard let mask = tokenizer.maskTokenId, let end = tokenizer.eosTokenId else {
            throw DataError(description: "\(folder): the tokenizer has no mask token or no end-of-text token")
        }
        return (Int32(mask), Int32(end))
    }
}

extension WordLevelTokenizer {
    /// Token ids as the models take them.
    func ids(_ text: String) -> [Int32] { encode(text: text, addSpecialTokens: false).map(Int32.init) }
}

extension QuestionEncoder {
    /// Questions as prompt and padded response; an error names the first that doesn't fit.
    ///
    /// - Throws: ``DataError`` for a question without a worked answer, and for one that is too long.
    func examples(
        _ items: [DataItem], endToken: Int32, generationLength: Int
    ) throws -> [TrainingExample] {
        try items.map { item in
            let prompt = try prompt(item, room: generationLength)
            guard let response = try response(item) else {
                throw DataError(
                    description:
                        "\(item.place): there is no response to learn from. Give the record one, or train on a teacher's answers (kinds trajectories and distill)."
                )
            }
            guard
                let example = TrainingExample(
                    prompt: prompt, response: response, endToken: endToken,
                    generationLength: generationLength)
            else {
                throw DataError(
                    description:
                        "\(item.place): the response has \(response.count) tokens and one more "
                        + "to end it, but generationLength is \(generationLength); raise it")
            }
            return example
        }
    }
}
