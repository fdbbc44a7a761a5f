/// Grade-school word problems (Cobbe and others 2021), as lm-evaluation-harness asks them.
package struct GSM8KTask: BenchmarkTask {
    /// How a problem is put.
    package enum Wording: String, Sendable, Hashable, CaseIterable {
        /// `gsm8k_cot_zeroshot`: "Q: … A: Let's think step by step."
        case stepByStep
        /// `gsm8k`: "Question: … Answer:", below solved examples; the paper's Long-GSM8K.
        case questionAnswer
    }

    /// One problem.
    package struct Document: Sendable, Hashable {
        package let question: String
        /// The solution, which ends in `#### <number>`.
        package let answer: String
    }

    package let name: String
    package let wording: Wording
    package let form: TaskPrompt.Form
    package let fewShot: FewShot
    /// How the answer is found in a response.
    ///
    /// The default is the filter that can work with either wording; upstream doesn't say which it reports.
    package let pattern: AnswerPattern

    /// The task; `fewShot` is what the wording's harness task has unless given.
    package init(
        _ wording: Wording, form: TaskPrompt.Form, fewShot: FewShot? = nil,
        pattern: AnswerPattern = .lastNumber
    ) {
        name = wording == .stepByStep ? "gsm8k-cot" : "long-gsm8k"
        self.wording = wording
        self.form = form
        self.fewShot = fewShot ?? (wording == .stepByStep ? .none : .drawn(ExampleDraw(count: 5)))
        self.pattern = pattern
    }

    package var stopStrings: [String] {
        [wording == .stepByStep ? "Q:" : "Question:", "</s>", "<|im_end|>"]
    }

    package func document(_ record: TaskRecord) throws(TaskError) -> Document? {
        Document(question: try record.string("question"), answer: try record.string("answer"))
    }

    package func prompt(for document: Document, examples: [Document]) -> TaskPrompt {
        let solved = examples.map { "\(question($0)) \($0.answer)\n\n" }.joined()
        return TaskPrompt(form: form, text: solved + question(document))
    }

    private func question(_ document: Document) -> String {
        switch wording {
        case .stepByStep: "Q: \(document.question)\nA: Let's think step by step."
        case .questionAnswer: "Question: \(document.question)\nAnswer:"
        }
    }

    package func target(of document: Document) -> String { document.answer }
    package func solution(of document: Document) -> String? { document.answer }

    package func extractions(_ response: String, _ document: Document) -> [TaskExtraction] {
        let strict: AnswerPattern = wording == .stepByStep ? .theAnswerIs : .fourHashes
        return [("strict-match", strict), ("flexible-extract", .lastNumber)].map { name, pattern in
            TaskExtraction(
                name: name, verdict: verdict(response, document, pattern), isReported: pattern == self.pattern
            )
        }
    }

    package func verdict(_ response: String, _ document: Document) -> TaskVerdict {
        verdict(response, document, pattern)
    }

    private func verdict(_ response: String, _ document: Document, _ pattern: AnswerPattern) -> TaskVerdict {
        let found = pattern.extract(from: response)
        return ExactMatch.matches(found, document.answer) ? .correct(found: found) : .wrong(found: found)
    }
}
