internal import JSON

/// Functions to write, with the tests of EvalPlus: HumanEval+ and MBPP+ (Liu and others 2023, arXiv 2305.01210).
///
/// The data is that of its releases, JSON lines with `base_input`, `plus_input`, `canonical_solution` and `atol`. What is right is
/// what the canonical solution gives for the same input.
package struct EvalPlusTask: BenchmarkTask {
    package enum Dataset: String, Sendable, Hashable, CaseIterable {
        case humanEval = "humaneval-plus"
        case mbpp = "mbpp-plus"
    }

    /// Which tests decide.
    package enum Tests: String, Sendable, Hashable, CaseIterable {
        /// Those that the data set had before EvalPlus.
        case base
        /// Those and the added ones.
        case plus
    }

    /// One problem.
    package struct Document: Sendable, Hashable {
        /// `HumanEval/0`, `Mbpp/2`.
        package let id: String
        package let prompt: String
        package let entryPoint: String
        /// What stands below the prompt in a right program.
        package let solution: String
        /// As a number in Python.
        package let tolerance: String
        /// Lists of arguments in Python.
        package let base: String
        package let plus: String
    }

    package let dataset: Dataset
    package let tests: Tests
    package let form = TaskPrompt.Form.chat
    package var name: String { dataset.rawValue }

    package init(_ dataset: Dataset, tests: Tests = .plus) {
        self.dataset = dataset
        self.tests = tests
    }

    /// Those of EvalPlus for chat models.
    package var stopStrings: [String] {
        ["<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(", "\n```\n"]
    }

    package func document(_ record: TaskRecord) throws(TaskError) -> Document? {
        guard record.has("base_input"), record.has("plus_input") else {
            throw record.problem(
                "the record has no \"base_input\" and \"plus_input\"; \(name) is read from a release of EvalPlus, such as \(dataset == .mbpp ? "MbppPlus.jsonl.gz" : "HumanEvalPlus.jsonl.gz")."
            )
        }
        return Document(
            id: try record.string("task_id"), prompt: try record.string("prompt"),
            entryPoint: try record.string("entry_point"), solution: try record.string("canonical_solution"),
            tolerance: try record.pythonLiteral("atol"), base: try record.pythonLiteral("base_input"),
            plus: try record.pythonLiteral("plus_input"))
    }

    /// Inputs have numbers beyond those of Swift, so that they are kept as text.
    package func kept(_ record: TaskRecord) throws(TaskError) -> TaskRecord {
        var members: [(String, String)] = []
        for key in ["atol", "base_input", "plus_input"] {
            members.append((key, try record.pythonLiteral(key)))
        }
        // not text: a record
        return try record.replacing(members)
    }

    package func id(of document: Document, index: Int) -> String { document.id }

    package func prompt(for document: Document, examples: [Document]) -> TaskPrompt {
        TaskPrompt(
            form: form,
            text:
                "Please provide a self-contained Python script that solves the following problem in a markdown code block:\n```\n\(CodePoints(document.prompt).stripped().string)\n```\n",
            answerPrefix:
                "Below is a Python script with a self-contained function that solves the problem and passes corresponding tests:\n```python\n"
        )
    }

    package func target(of document: Document) -> String { document.prompt + document.solution }

    package func extractions(_ response: String, _ document: Document) -> [TaskExtraction] {
        Tests.allCases.map {
            TaskExtraction(
                name: $0.rawValue, verdict: verdict(response, document, $0), isReported: $0 == tests)
        }
    }

    package func verdict(_ response: String, _ document: Document) -> TaskVerdict {
        verdict(response, document, tests)
    }

    private func verdict(_ response: String, _ document: Document, _ tests: Tests) -> TaskVerdict {
        .untested(
            Program(
                source: .toSanitize(
                    .init(text: CodeExtraction.program(in: response), entryPoint: document.entryPoint)),
                tests: EvalPlusTests.tests(document, tests)))
    }
}
