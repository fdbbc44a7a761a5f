internal import JSON

/// Questions that a user brings, each with its own grader; records as the stage `questions` keeps them.
///
/// It is no benchmark that configurations can name: nothing of it is published, and its records are made from files
/// of any form.
package struct OwnTask: BenchmarkTask {
    /// The name under which artifacts say that their questions are of this task.
    package static let name = "own"

    /// One question.
    package struct Document: Sendable, Hashable {
        package let id: String
        package let prompt: TaskPrompt
        /// A worked answer; nil where the record has none.
        package let response: String?
        /// What an answer is compared with; nil where there is nothing.
        package let answer: String?
        package let grader: OwnGrader
        /// Python code that raises unless the program before it is right, for ``OwnGrader/tests``.
        package let tests: String?
        /// The function that the tests call; nil keeps all of a program.
        package let entryPoint: String?
    }

    package var name: String { Self.name }
    package let form = TaskPrompt.Form.model
    package var stopStrings: [String] { [] }

    package init() {}

    package func document(_ record: TaskRecord) throws(TaskError) -> Document? {
        func optional(_ key: String) throws(TaskError) -> String? {
            record.has(key) ? try record.string(key) : nil
        }
        guard let form = TaskPrompt.Form(rawValue: try record.string("form")),
            let grader = OwnGrader(rawValue: try record.string("grader"))
        else { throw record.problem("the record names a form or a grader that isn't known.") }
        var turns: [TaskPrompt.Turn] = []
        for turn in record.value["turns"]?.array ?? [] {
            guard let role = turn["role"]?.string, let content = turn["content"]?.string else {
                throw record.problem("a turn of a conversation needs a role and a content.")
            }
            turns.append(.init(role: role, content: content))
        }
        return Document(
            id: try record.string("id"),
            prompt: TaskPrompt(form: form, text: try record.string("prompt"), turns: turns),
            response: try optional("response"), answer: try optional("answer"), grader: grader,
            tests: try optional("tests"), entryPoint: try optional("entryPoint"))
    }

    package func id(of document: Document, index: Int) -> String { document.id }
    package func prompt(for document: Document, examples: [Document]) -> TaskPrompt { document.prompt }
    package func target(of document: Document) -> String { document.tests ?? document.answer ?? "" }
    package func solution(of document: Document) -> String? { document.response }

    /// One extraction with the name of the grader; none where nothing is graded.
    package func extractions(_ response: String, _ document: Document) -> [TaskExtraction] {
        guard document.grader != .none else { return [] }
        return [
            TaskExtraction(
                name: document.grader.rawValue, verdict: verdict(response, document), isReported: true)
        ]
    }

    package func verdict(_ response: String, _ document: Document) -> TaskVerdict {
        guard document.grader == .tests else {
            return document.grader.verdict(response, answer: document.answer ?? "")
        }
        let text = CodeExtraction.program(in: response)
        return .untested(
            Program(
                source: .toSanitize(.init(text: text, entryPoint: document.entryPoint)),
                tests: .script(document.tests ?? "")))
    }
}
