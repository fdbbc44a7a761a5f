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
