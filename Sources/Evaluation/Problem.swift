/// A question with a worked solution and a whole number as the answer.
public struct Problem: Sendable, Hashable, Identifiable {
    /// One change of the running total.
    public struct Step: Sendable, Hashable {
        /// The weekday that names the step in question and response.
        public let day: String
        /// What is added to the running total; negative when something is taken away.
        public let change: Int
        /// The running total after the step.
        public let total: Int

        /// A step that leads to `total` by adding `change` on `day`.
        public init(day: String, change: Int, total: Int) {
            self.day = day
            self.change = change
            self.total = total
        }
    }

    /// Unique within its data set, such as `test-12`.
    public let id: String
    /// The text a model is asked, without any separator or template.
    public let question: String
    /// A worked solution that ends in `#### <answer>`, without an end-of-text token.
    public let response: String
    /// The number that a right response ends in.
    public let answer: Int
    /// The changes in the order in which they are to be applied; empty where a task has no such structure.
    public let steps: [Step]

    /// A problem of the given parts; nothing is checked.
    public init(id: String, question: String, response: String, answer: Int, steps: [Step]) {
        self.id = id
        self.question = question
        self.response = response
        self.answer = answer
        self.steps = steps
    }

    /// The question followed by the token that separates it from the response.
    public func prompt(separator: String = "<|sep|>") -> String {
        "\(question) \(separator)"
    }
}
