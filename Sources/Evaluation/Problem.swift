/// A question with a worked solution and a whole number as the answer.
///
/// What makes a response right is the task's business: see ``rules``.
package struct Problem: Sendable, Hashable, Identifiable {
    /// One change of the running total.
    package struct Step: Sendable, Hashable {
        /// The weekday that names the step in question and response.
        package let day: String
        /// What is added to the running total; negative when something is taken away.
        package let change: Int
        /// The running total after the step.
        package let total: Int

        /// A step that leads to `total` by adding `change` on `day`.
        package init(day: String, change: Int, total: Int) {
            self.day = day
            self.change = change
            self.total = total
        }
    }

    /// What makes a response right.
    package enum Rules: Sendable, Hashable {
        /// The number behind `####` is the answer.
        case finalNumber
        /// The steps lead from these numbers, each used at most once, to the answer.
        case countdown(numbers: [Int])
        /// The 16 cells keep the givens (row by row, 0 for a blank) and repeat nothing in a row, column or box.
        case sudoku(givens: [Int])
    }

    /// Unique within its data set, such as `test-12`.
    package let id: String
    /// The text a model is asked, without any separator or template.
    package let question: String
    /// A worked solution, without an end-of-text token; that of a word problem ends in `#### <answer>`.
    package let response: String
    /// The number that is sought: what a word problem's response ends in, Countdown's target, Sudoku's 16 cells.
    package let answer: Int
    /// The changes in the order in which they are to be applied; empty where a task has no such structure.
    package let steps: [Step]
    /// What makes a response right.
    package let rules: Rules

    /// A problem of the given parts; nothing is checked.
    package init(
        id: String, question: String, response: String, answer: Int, steps: [Step],
        rules: Rules = .finalNumber
    ) {
        self.id = id
        self.question = question
        self.response = response
        self.answer = answer
        self.steps = steps
        self.rules = rules
    }

    /// The question followed by the token that separates it from the response.
    package func prompt(separator: String = "<|sep|>") -> String {
        "\(question) \(separator)"
    }
}
