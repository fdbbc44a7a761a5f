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

/// Short Python functions (Austin and others 2021), in the two ways in which upstream asks chat models for them.
package struct MBPPTask: BenchmarkTask {
    /// Whose wording and grading.
    package enum Wording: String, Sendable, Hashable, CaseIterable {
        /// `mbpp` of lm-evaluation-harness: examples that end in [DONE]; d3LLM's script sanitizes the program.
        case beginDone
        /// `mbpp_instruct` of the harness that comes with Dream: the answer starts a fenced block.
        case startedAnswer
    }

    /// One problem.
    package struct Document: Sendable, Hashable {
        package let id: Int
        package let text: String
        /// The reference solution.
        package let code: String
        /// Three assertions.
        package let tests: [String]
    }

    package let name = "mbpp"
    package let wording: Wording
    package let form = TaskPrompt.Form.chat
    package let fewShot: FewShot

    /// The task with its first `examples` solved examples, of which there are three.
    ///
    /// - Parameter examples: three and none unless given. Upstream's script asks for four with the second wording,
    ///   but the harness ignores that where the task's own number is none.
    package init(_ wording: Wording, examples: Int? = nil) {
        self.wording = wording
        let count = examples ?? (wording == .beginDone ? 3 : 0)
        fewShot = count == 0 ? .none : .fixed(count: count)
    }

    package var stopStrings: [String] { wording == .beginDone ? ["[DONE]"] : ["```"] }

    /// Reads a record; nil for those that aren't of the test split, whose numbers are 11 to 510.
    package func document(_ record: TaskRecord) throws(TaskError) -> Document? {
        let tests = try record.strings("test_list")
        let id = try record.int("task_id")
        guard (11...510).contains(id) else { return nil }
        guard tests.count >= 3 else {
            throw record.problem("\"test_list\" has \(tests.count) tests where three should be.")
        }
        return Document(
            id: id, text: try record.string("text"), code: try record.string("code"),
            tests: Array(tests.prefix(3)))
    }

    package func id(of document: Document, index: Int) -> String { "mbpp-\(document.id)" }

    package func prompt(for document: Document, examples: [Document]) -> TaskPrompt {
        // The harness puts a space behind the start of an answer, in examples only.
        let opening = answerPrefix.isEmpty ? "" : answerPrefix + " "
        let solved = examples.map { "\(question($0))\(opening)\($0.code)\n[DONE]\n\n" }.joined()
        return TaskPrompt(form: form, text: solved + question(document), answerPrefix: answerPrefix)
    }

    private var answerPrefix: String {
        wording == .beginDone ? "" : "Here is the completed function:\n```python\n"
    }

    private func question(_ document: Document) -> String {
        "You are an expert Python programmer, and here is your task: \(document.text) "
            + "Your code should pass these tests:\n\n\(target(of: document))"
            + (wording == .beginDone ? "\n[BEGIN]\n" : "")
    }

    package func target(of document: Document) -> String { document.tests.joined(separator: "\n") }

    package func solution(of document: Document) -> String? { document.code }

    package func verdict(_ response: String, _ document: Document) -> TaskVerdict {
        let source: Program.Source =
            switch wording {
            case .beginDone: .toSanitize(.init(text: CodeExtraction.program(in: response)))
            case .startedAnswer: .asWritten(response)
            }
        return .untested(Program(source: source, tests: .script(target(of: document))))
    }
}

extension MBPPTask {
    /// The examples of lm-evaluation-harness: problems 2 to 4 of MBPP (CC-BY-4.0), with its carriage returns.
    package var fixedExamples: [Document] { Self.examples }

    private static let examples: [Document] = [
        Document(
            id: 2,
            text: "Write a function to find the similar elements from the given two tuple lists.",
            code: "def similar_elements(test_tup1, test_tup2):\r\n"
                + "  res = tuple(set(test_tup1) & set(test_tup2))\r\n"
                + "  return (res) ",
            tests: [
                "assert similar_elements((3, 4, 5, 6),(5, 7, 4, 10)) == (4, 5)",
                "assert similar_elements((1, 2, 3, 4),(5, 4, 3, 7)) == (3, 4)",
                "assert similar_elements((11, 12, 14, 13),(17, 15, 14, 13)) == (13, 14)",
            ]),
        Document(
            id: 3,
            text: "Write a python function to identify non-prime numbers.",
            code: "import math\r\n"
                + "def is_not_prime(n):\r\n"
                + "    result = False\r\n"
                + "    for i in range(2,int(math.sqrt(n)) + 1):\r\n"
                + "        if n % i == 0:\r\n"
                + "            result = True\r\n"
                + "    return result",
            tests: [
                "assert is_not_prime(2) == False",
                "assert is_not_prime(10) == True",
                "assert is_not_prime(35) == True",
            ]),
        Document(
            id: 4,
            text: "Write a function to find the largest integers from a given list of numbers "
                + "using heap queue algorithm.",
            code: "import heapq as hq\r\n"
                + "def heap_queue_largest(nums,n):\r\n"
                + "  largest_nums = hq.nlargest(n, nums)\r\n"
                + "  return largest_nums",
            tests: [
                "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],3)==[85, 75, 65] ",
                "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],2)==[85, 75] ",
                "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],5)==[85, 75, 65, 58, 35]",
            ]),
    ]
}
