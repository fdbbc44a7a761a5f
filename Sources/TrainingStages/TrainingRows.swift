internal import DataStages
internal import Recipes
internal import StageBasics
internal import Training
internal import Transformers

/// How the records of a data set become the rows that a model is trained on, as configurations write it.
package struct TrainingRows: Sendable {
    /// Which tokens are learnt.
    enum Loss: String, CaseIterable {
        case response
        case all
    }

    /// Tokens of a response, or with ``Loss/all`` of question and response, padding included; nil where rows are packed.
    let responseLength: Int?
    /// Tokens of a row of packed text; nil where each record is a row of its own.
    let packedLength: Int?
    let loss: Loss

    /// - Parameter generationLength: Reads the key of that name.
    init(_ fields: Fields, generationLength: (Fields) -> Int) {
        let length = generationLength(fields)
        packedLength = fields.optionalInteger(
            "packedLength", in: 2...65_536,
            "Puts records one behind another, an end token behind each, and cuts them into rows of so many tokens; absent: "
                + "each record is a row, its response padded to generationLength.")
        fields.condition(
            "generationLength", isUsed: packedLength == nil, with: "packed rows (\"packedLength\")",
            user: "rows of one record each")
        responseLength = packedLength == nil ? length : nil
        loss =
            fields.optionalChoice(
                "loss",
                "Which tokens are masked and learnt: response, which is meant where the key is absent, with its end token; or "
                    + "all, the question's too. Records of bare text are learnt whole in either.")
            ?? .response
    }

    /// The most tokens of a row, where a question has `prompt` tokens.
    func tokens(prompt: Double) -> Double {
        if let packedLength { return Double(packedLength) }
        return Double(responseLength ?? 0) + (loss == .all ? 0 : prompt)
    }

    /// The most tokens of a row that are learnt.
    var learnt: Double { Double(packedLength ?? responseLength ?? 0) }

    /// Refuses packed rows that a model has too few positions for.
    func check(_ configuration: TransformerConfiguration) throws(DataError) {
        guard let packedLength, packedLength > configuration.maximumPositions else { return }
        throw DataError(
            description:
                "\"packedLength\" is \(packedLength), but the model has \(configuration.maximumPositions) positions; make rows shorter."
        )
    }

    /// The rows of a data set's part to train on, in its order.
    ///
    /// - Throws: ``DataError`` for a record without a response, and for one that is too long, with its place; for a data set
    ///   without any; what encoding throws.
    func examples(_ data: DataSet, _ encoder: QuestionEncoder, end: Int32) throws -> [TrainingExample] {
        let items = try data.items(.train)
        let examples =
            try packedLength.map { try packed(items, encoder, end: end, length: $0) }
            ?? items.map { try example($0, encoder, end: end, length: responseLength ?? 0) }
        guard !examples.isEmpty else {
            throw DataError(description: "the data set has no problems to train on")
        }
        return examples
    }

    /// One record as a row.
    private func example(
        _ item: DataItem, _ encoder: QuestionEncoder, end: Int32, length: Int
    ) throws -> TrainingExample {
        let prompt = try encoder.prompt(item, room: loss == .all ? 0 : length)
        let response = try Self.response(item, encoder)
        let (given, learnt) = loss == .all ? ([], prompt + response) : (prompt, response)
        guard
            let example = TrainingExample(
                prompt: given, response: learnt, endToken: end, generationLength: length)
        else {
            throw DataError(
                description:
                    "\(item.place): the \(loss == .all ? "question and the response have" : "response has") \(learnt.count) tokens and one more "
                    + "to end it, but generationLength is \(length); raise it")
        }
        return example
    }

    /// All records, one behind another, in pieces; what is missing in the last is end tokens that aren't learnt.
    private func packed(
        _ items: [DataItem], _ encoder: QuestionEncoder, end: Int32, length: Int
    ) throws -> [TrainingExample] {
        var examples: [TrainingExample] = []
        var (text, learnt): ([Int32], [Bool]) = ([], [])
        func cut(_ count: Int) {
            let flags = Array(learnt.prefix(count))
            if flags.contains(true) {
                examples.append(
                    TrainingExample(
                        text: Array(text.prefix(count)), learnt: flags.contains(false) ? flags : nil))
            }
            text.removeFirst(count)
            learnt.removeFirst(count)
        }
        for item in items {
            var prompt = try encoder.prompt(item, room: 0)
            // What a bare text begins with stands there already, at the end of the one before.
            if prompt == [end], !text.isEmpty { prompt = [] }
            let response = try Self.response(item, encoder) + [end]
            text += prompt + response
            learnt += prompt.map { _ in loss == .all } + response.map { _ in true }
            while text.count >= length { cut(length) }
        }
        if !text.isEmpty {
            let missing = length - text.count
            text += Array(repeating: end, count: missing)
            learnt += Array(repeating: false, count: missing)
            cut(length)
        }
        return examples
    }

    private static func response(_ item: DataItem, _ encoder: QuestionEncoder) throws -> [Int32] {
        guard let response = try encoder.response(item) else {
            throw DataError(
                description:
                    "\(item.place): there is no response to learn from. Give the record one, or train on a teacher's answers (kinds trajectories and distill)."
            )
        }
        return response
    }
}
