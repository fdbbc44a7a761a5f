internal import Base
package import Evaluation
internal import JSON
internal import StageBasics

/// Makes questions of the records of a user's file.
package struct RecordReader: Sendable {
    /// Which of the usual columns hold what.
    enum Form: String, CaseIterable {
        case prompt
        case question
        case messages
        case text
        /// A row of published trajectories; see ``PublishedTrajectory``.
        case trajectory

        /// The column that a record of the form has to have.
        var mainColumn: String { self == .trajectory ? "question" : rawValue }
        /// The column of the worked answer; nil where it is in the main column.
        var responseColumn: String? {
            switch self {
            case .prompt: "response"
            case .question: "answer"
            case .trajectory: "generated_text"
            case .messages, .text: nil
            }
        }
        /// The column of what answers are compared with.
        var answerColumn: String { self == .trajectory ? "gt_answer" : "answer" }
        /// The column of what names a record.
        var idColumn: String { self == .trajectory ? "idx" : "id" }
    }

    /// What is read from which column, and what is made of it.
    package struct Options: Sendable {
        /// Told from the columns of the first record when nil.
        var form: Form?
        /// Names of columns in place of the usual ones, by what they hold.
        var columns: [String: String] = [:]
        /// What stands before the reference in the answer, such as `####`; the last one counts.
        var answerMarker: String?
        /// The prompt's text with `{}` in place of the question.
        var wording: String?
        package var grader: OwnGrader = .none
        /// What answers that are programs may import beside the standard library.
        var packages: [String] = []
        var template: TaskPrompt.Form = .model
        /// What ids begin with, for records that have none.
        var idPrefix = "record"
    }

    /// What columns may be named for.
    static let roles = [
        "prompt", "response", "answer", "id", "messages", "text", "grader", "tests", "entryPoint",
    ]

    var options: Options

    /// The columns that are asked for, where a file has them.
    var columns: Set<String> {
        let usual = Form.allCases.flatMap { form in
            [form.mainColumn, form.answerColumn, form.idColumn] + [form.responseColumn].compactMap(\.self)
        }
        return Set(Self.roles + usual + ["entry_point", "is_correct"]).union(options.columns.values)
    }

    /// The form that the columns of a record show.
    ///
    /// - Throws: ``DataError`` where they show none.
    func form(of record: RawRecord) throws(DataError) -> Form {
        if let form = options.form { return form }
        for (role, form) in [("messages", Form.messages), ("text", .text), ("prompt", .prompt)]
        where options.columns[role] != nil {
            return form
        }
        if record.isPublishedTrajectory { return .trajectory }
        for form in [Form.messages, .prompt, .question, .text] where record.value[form.mainColumn] != nil {
            return form
        }
        throw DataError(
            description:
                "\(record.place): the columns (\(Self.list(record.names))) show no form of records: there is no \"prompt\", \"question\", \"messages\" or \"text\". Name the column of the question: \"columns\": {\"prompt\": \"…\"}."
        )
    }

    /// A question.
    ///
    /// - Parameters:
    ///   - number: its place among the records, from 1.
    ///   - form: that of all records.
    /// - Throws: ``DataError`` with file, line, what is wrong and what would be right.
    func question(_ record: RawRecord, number: Int, _ form: Form) throws(DataError) -> OwnQuestion {
        func problem(_ text: String) -> DataError { DataError(description: "\(record.place): \(text)") }
        var question = OwnQuestion(
            id: try text(record, "id", column("id", form.idColumn), isNeeded: options.columns["id"] != nil)
                ?? "\(options.idPrefix)-\(number)",
            form: options.template, record)
        switch form {
        case .messages: try readMessages(record, &question)
        case .text:
            let name = column("text", "text")
            question.response = try needed(record, "text", name)
        case .prompt, .question, .trajectory:
            question.prompt = try needed(record, "prompt", column("prompt", form.mainColumn))
            let name = column("response", form.responseColumn ?? "response")
            let hasResponse = options.columns["response"] != nil || record.value[name] != nil
            // What a teacher got wrong is no answer to learn.
            let isWrong = form == .trajectory && record.value["is_correct"]?.bool == false
            if hasResponse, !isWrong, let response = try text(record, "response", name, isNeeded: true) {
                guard !response.byteText.trimmed.isEmpty else {
                    throw problem(
                        "\"\(name)\" is empty, and an answer to learn from has some text. Take the record out, or write the answer."
                    )
                }
                question.response = response
            }
        }
        if let wording = options.wording {
            question.prompt = wording.byteText.replacing("{}", with: question.prompt).text
        }
        question.grader = try grader(record)
        question.tests = try text(
            record, "tests", column("tests", "tests"), isNeeded: question.grader == .tests)
        question.entryPoint = try text(
            record, "entryPoint", column("entryPoint", "entry_point"),
            isNeeded: options.columns["entryPoint"] != nil)
        question.answer = try answer(record, question, form)
        if let reason = question.grader.problem(with: question.answer) {
            let shown =
                question.answer.map { " (\"\($0.utf8.count > 60 ? "…" : "")\(String($0.suffix(60)))\")" }
                ?? ""
            throw problem(
                "the grader \"\(question.grader.rawValue)\" can't grade: \(reason)\(shown). Name the column of the reference (\"columns\": {\"answer\": \"…\"}), what stands before it (\"answerMarker\": \"####\"), or another grader."
            )
        }
        if question.grader == .tests, question.tests?.byteText.trimmed.isEmpty ?? true {
            throw problem("the grader \"tests\" needs tests, and \"\(column("tests", "tests"))\" is empty.")
        }
        return question
    }

    private func column(_ role: String, _ usual: String) -> String { options.columns[role] ?? usual }

    private func needed(_ record: RawRecord, _ role: String, _ name: String) throws(DataError) -> String {
        guard let text = try text(record, role, name, isNeeded: true), !text.byteText.trimmed.isEmpty else {
            throw DataError(
                description:
                    "\(record.place): \"\(name)\" is empty. Write the text, or take the record out.")
        }
        return text
    }

    /// The text of a column; nil where it has none.
    private func text(
        _ record: RawRecord, _ role: String, _ name: String, isNeeded: Bool
    ) throws(DataError) -> String? {
        guard let value = record.value[name], value != .null else {
            guard isNeeded else { return nil }
            guard record.value[name] == nil else {
                throw DataError(
                    description:
                        "\(record.place): the record has no \"\(name)\": it is null. Write the text, or take the record out."
                )
            }
            let hint = NearestName.nearest(to: name, among: record.names).map {
                " Did you mean \"\($0)\"?"
            }
            throw DataError(
                description:
                    "\(record.place): the record has no \"\(name)\"; it has \(Self.list(record.names)).\(hint ?? "") \"columns\": {\"\(role)\": \"…\"} names another column."
            )
        }
        switch value {
        case .string(let text): return text
        case .integer(let number): return "\(number)"
        case .number(let number) where number.isFinite:
            return number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
        case .array(let lines) where role == "tests":
            // MBPP's tests are a list of assertions.
            let texts = lines.compactMap(\.string)
            if texts.count == lines.count { return texts.joined(separator: "\n") }
            fallthrough
        default:
            throw DataError(
                description:
                    "\(record.place): \"\(name)\" should be text, or a number; this is \(Self.kind(of: value))."
            )
        }
    }

    private func grader(_ record: RawRecord) throws(DataError) -> OwnGrader {
        let name = column("grader", "grader")
        guard
            let given = try text(record, "grader", name, isNeeded: options.columns["grader"] != nil)
        else { return options.grader }
        guard let grader = OwnGrader(rawValue: given) else {
            throw DataError(
                description:
                    "\(record.place): \"\(name)\" names no grader: \"\(given)\". There are \(OwnGrader.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", "))."
            )
        }
        return grader
    }

    /// What answers are compared with: a column of its own, or what the worked answer ends in.
    private func answer(
        _ record: RawRecord, _ question: OwnQuestion, _ form: Form
    ) throws(DataError) -> String? {
        let name = column("answer", form.answerColumn)
        let isNamed = options.columns["answer"] != nil
        guard var answer = try text(record, "answer", name, isNeeded: isNamed) ?? question.response else {
            return nil
        }
        if let marker = options.answerMarker {
            guard let parts = answer.byteText.cut(atLast: marker.byteText) else {
                if question.grader == .none { return nil }
                throw DataError(
                    description:
                        "\(record.place): \"\(marker)\" stands nowhere in the answer, and the reference should stand behind it. Correct the record, or leave \"answerMarker\" out."
                )
            }
            answer = parts.after.text
        }
        return answer.byteText.trimmed.text
    }

    private func readMessages(_ record: RawRecord, _ question: inout OwnQuestion) throws(DataError) {
        func problem(_ text: String) -> DataError { DataError(description: "\(record.place): \(text)") }
        let name = column("messages", "messages")
        guard let messages = record.value[name]?.array, !messages.isEmpty else {
            throw problem(
                "\"\(name)\" should be a list of messages such as {\"role\": \"user\", \"content\": \"…\"}; the record has \(Self.list(record.names))."
            )
        }
        var turns: [TaskPrompt.Turn] = []
        for (index, message) in messages.enumerated() {
            guard let role = message["role"]?.string, let content = message["content"]?.string else {
                throw problem(
                    "message \(index + 1) of \"\(name)\" needs \"role\" and \"content\", both text; it has \(Self.list(message.object?.keys ?? []))."
                )
            }
            guard ["system", "user", "assistant"].contains(where: { $0 == role }) else {
                throw problem(
                    "message \(index + 1) of \"\(name)\" has the role \"\(role)\"; there are system, user and assistant."
                )
            }
            turns.append(.init(role: role, content: content))
        }
        if turns.last?.role == "assistant" {
            let answer = turns.removeLast().content
            guard !answer.byteText.trimmed.isEmpty else {
                throw problem("the last message, which is the answer, is empty.")
            }
            question.response = answer
        }
        guard let last = turns.popLast(), last.role == "user", !last.content.byteText.trimmed.isEmpty else {
            throw problem(
                "the conversation should end in what the user says, with or without the assistant's answer behind it."
            )
        }
        (question.turns, question.prompt) = (turns, last.content)
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty
            ? "nothing"
            : names.prefix(12).map { "\"\($0.shortened())\"" }.joined(separator: ", ")
                + (names.count > 12 ? " and others" : "")
    }

    private static func kind(of value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "a truth value"
        case .integer, .number: "no number that can be written"
        case .string: "text"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

/// A question of a user's file, as the stage `questions` keeps it.
struct OwnQuestion {
    let id: String
    let form: TaskPrompt.Form
    /// File and line.
    let source: String
    /// The same as messages say it.
    let place: String
    var turns: [TaskPrompt.Turn] = []
    /// Empty where the record is bare text.
    var prompt = ""
    var response: String?
    var answer: String?
    var grader: OwnGrader = .none
    var tests: String?
    var entryPoint: String?

    init(id: String, form: TaskPrompt.Form, _ record: RawRecord) {
        (self.id, self.form, source, place) = (id, form, record.source, record.place)
    }

    /// What decides about its part and about leakage.
    var identity: String { Leakage.identity(turns: turns, prompt: prompt, text: response) }

    /// As `OwnTask` reads it.
    var record: JSONObject {
        var record: JSONObject = [
            "id": .string(id), "form": .string(form.rawValue), "prompt": .string(prompt),
            "grader": .string(grader.rawValue), "source": .string(source),
        ]
        if !turns.isEmpty {
            record["turns"] = .array(
                turns.map { ["role": .string($0.role), "content": .string($0.content)] })
        }
        for (key, value) in [
            ("response", response), ("answer", answer), ("tests", tests), ("entryPoint", entryPoint),
        ] {
            if let value { record[key] = .string(value) }
        }
        return record
    }

    /// As the questions of a task.
    ///
    /// - Throws: `TaskError`, in practice never.
    func item(_ index: Int) throws -> TaskItem {
        let bytes = try JSONValue.object(self.record).compactBytes()
        let record = try TaskRecord(parsing: bytes, index: index, file: source, line: 1)
        let task = OwnTask()
        guard let document = try task.document(record) else {
            throw DataError(description: "\(place): the record is no question.")
        }
        return try task.item(record, id: id, prompt: document.prompt)
    }
}
