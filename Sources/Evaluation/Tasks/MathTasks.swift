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

/// Competition problems (Hendrycks and others 2021) with Minerva's prompt.
///
/// Source: `minerva_math` of lm-evaluation-harness.
package struct MATHTask: BenchmarkTask {
    /// One problem.
    package struct Document: Sendable, Hashable {
        package let problem: String
        package let solution: String
        /// The answer of the solution in normal form.
        package let answer: String
    }

    package let name = "math"
    package let form: TaskPrompt.Form
    package let fewShot: FewShot

    /// The task with its first `examples` solved examples, of which there are four.
    package init(form: TaskPrompt.Form, examples: Int = 4) {
        self.form = form
        fewShot = examples == 0 ? .none : .fixed(count: examples)
    }

    package var stopStrings: [String] { ["Problem:"] }

    package func document(_ record: TaskRecord) throws(TaskError) -> Document? {
        let solution = try record.string("solution")
        let answer: String
        do throws(UpstreamException) {
            answer = try MinervaMath.answer(ofSolution: solution)
        } catch {
            throw record.problem("\"solution\" can't be graded against: \(error.reason).")
        }
        return Document(problem: try record.string("problem"), solution: solution, answer: answer)
    }

    package func prompt(for document: Document, examples: [Document]) -> TaskPrompt {
        let solved = examples.map { "\(question($0)) \($0.solution)\n\n" }.joined()
        return TaskPrompt(form: form, text: solved + question(document))
    }

    private func question(_ document: Document) -> String { "Problem:\n\(document.problem)\n\nSolution:" }

    package func target(of document: Document) -> String { document.answer }
    package func solution(of document: Document) -> String? { document.solution }

    /// Compares normal forms; see ``MinervaMath/isCorrect(_:answer:)`` for what upstream does beyond.
    package func verdict(_ response: String, _ document: Document) -> TaskVerdict {
        let found = MinervaMath.finalAnswer(in: response)
        return found.utf8.elementsEqual(document.answer.utf8) ? .correct(found: found) : .wrong(found: found)
    }
}

extension MATHTask {
    /// Minerva's four examples (Lewkowycz and others 2022, appendix D.2), spelled as in lm-evaluation-harness 0.4.9.
    ///
    /// The brace that nothing opens at the end of the first problem and the single backslashes that end lines are
    /// part of the prompts that published numbers were made with. The problems are from MATH (MIT licence).
    package var fixedExamples: [Document] { Self.examples }

    private static let examples: [Document] = [
        Document(
            problem: #"""
                Find the domain of the expression  $\frac{\sqrt{x-2}}{\sqrt{5-x}}$.}
                """#,
            solution: #"""
                The expressions inside each square root must be non-negative. Therefore, $x-2 \ge \#
                0$, so $x\ge2$, and $5 - x \ge 0$, so $x \le 5$. Also, the denominator cannot be \#
                equal to zero, so $5-x>0$, which gives $x<5$. Therefore, the domain of the \#
                expression is $\boxed{[2,5)}$.
                Final Answer: The final answer is $[2,5)$. I hope it is correct.
                """#,
            answer: #"[2,5)"#),
        Document(
            problem: #"""
                If $\det \mathbf{A} = 2$ and $\det \mathbf{B} = 12,$ then find $\det (\mathbf{A} \#
                \mathbf{B}).$
                """#,
            solution: #"""
                We have that $\det (\mathbf{A} \mathbf{B}) = (\det \mathbf{A})(\det \mathbf{B}) = \#
                (2)(12) = \boxed{24}.$
                Final Answer: The final answer is $24$. I hope it is correct.
                """#,
            answer: #"24"#),
        Document(
            problem: #"""
                Terrell usually lifts two 20-pound weights 12 times. If he uses two 15-pound \#
                weights instead, how many times must Terrell lift them in order to lift the same \#
                total weight?
                """#,
            solution: #"""
                If Terrell lifts two 20-pound weights 12 times, he lifts a total of $2\cdot \#
                12\cdot20=480$ pounds of weight.  If he lifts two 15-pound weights instead for \#
                $n$ times, he will lift a total of $2\cdot15\cdot n=30n$ pounds of weight.  \#
                Equating this to 480 pounds, we can solve for $n$:
                \begin{align*}
                30n&=480\
                \Rightarrow\qquad n&=480/30=\boxed{16}
                \end{align*}
                Final Answer: The final answer is $16$. I hope it is correct.
                """#,
            answer: #"16"#),
        Document(
            problem: #"""
                If the system of equations

                \begin{align*}
                6x-4y&=a,\
                6y-9x &=b.
                \end{align*}has a solution $(x, y)$ where $x$ and $y$ are both nonzero,
                find $\frac{a}{b},$ assuming $b$ is nonzero.
                """#,
            solution: #"""
                If we multiply the first equation by $-\frac{3}{2}$, we obtain

                $$6y-9x=-\frac{3}{2}a.$$Since we also know that $6y-9x=b$, we have

                $$-\frac{3}{2}a=b\Rightarrow\frac{a}{b}=\boxed{-\frac{2}{3}}.$$
                Final Answer: The final answer is $-\frac{2}{3}$. I hope it is correct.
                """#,
            answer: #"-\frac{2}{3}"#),
    ]
}
