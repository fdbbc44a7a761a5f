/// Functions to be completed (Chen and others 2021), in the two ways in which upstream asks chat models for them.
package struct HumanEvalTask: BenchmarkTask {
    /// Whose wording and grading.
    package enum Wording: String, Sendable, Hashable, CaseIterable {
        /// d3LLM's `eval_llada.py`: the function in a fenced block; the program is sanitized.
        case fenced
        /// `humaneval_instruct` of the harness that comes with Dream: the answer starts with the function.
        case startedAnswer
    }

    /// One problem.
    package struct Document: Sendable, Hashable {
        package let id: String
        /// Imports, the head of a function and its documentation.
        package let prompt: String
        /// The name of the function.
        package let entryPoint: String
        /// Code that defines `check(candidate)`.
        package let test: String
    }

    package let name = "humaneval"
    package let wording: Wording
    package let form = TaskPrompt.Form.chat

    package init(_ wording: Wording) { self.wording = wording }

    package var stopStrings: [String] {
        switch wording {
        case .fenced: []
        case .startedAnswer: ["\nclass", "\ndef", "\n#", "\nif", "\nprint"]
        }
    }

    package func document(_ record: TaskRecord) throws(TaskError) -> Document? {
        Document(
            id: try record.string("task_id"), prompt: try record.string("prompt"),
            entryPoint: try record.string("entry_point"), test: try record.string("test"))
    }

    package func id(of document: Document, index: Int) -> String { document.id }

    package func prompt(for document: Document, examples: [Document]) -> TaskPrompt {
        let request = "Write a solution to the following problem and make sure that it passes the tests:"
        switch wording {
        case .fenced:
            return TaskPrompt(form: form, text: "\(request)\n```python\n\(document.prompt)\n```\n ")
        case .startedAnswer:
            return TaskPrompt(
                form: form, text: "\(request)\n```\(document.prompt)",
                answerPrefix: "Here is the completed function:\n```python\n\(document.prompt)\n")
        }
    }

    package func target(of document: Document) -> String {
        "\(document.test)\ncheck(\(document.entryPoint))"
    }

    package func extractions(_ response: String, _ document: Document) -> [TaskExtraction] {
        [TaskExtraction(name: "create_test", verdict: verdict(response, document), isReported: true)]
    }

    package func verdict(_ response: String, _ document: Document) -> TaskVerdict {
        let source: Program.Source
        switch wording {
        case .fenced:
            let text = CodeExtraction.humanEvalText(prompt: document.prompt, response: response)
            source = .toSanitize(.init(text: text, entryPoint: document.entryPoint))
        case .startedAnswer:
            source = .asWritten(
                CodeExtraction.humanEvalInstruct(prompt: document.prompt, response: response))
        }
        return .untested(Program(source: source, tests: .script(target(of: document))))
    }
}
