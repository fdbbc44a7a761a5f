package import ChatTemplates

/// What was said in a conversation.
package struct ChatHistory: Sendable, Hashable {
    /// The messages, the oldest first.
    public private(set) var messages: [ChatMessage] = []
    private let system: String?

    /// An empty conversation.
    ///
    /// - Parameter system: what the model is told first, if anything.
    package init(system: String? = nil) {
        self.system = system
        reset()
    }

    /// Forgets everything but the system message.
    package mutating func reset() {
        messages = system.map { [ChatMessage(role: "system", content: $0)] } ?? []
    }

    /// The messages with one more of the user: what the model is to answer.
    package func asking(_ question: String) -> [ChatMessage] {
        messages + [ChatMessage(role: "user", content: question)]
    }

    /// Keeps a question with its answer.
    package mutating func keep(_ question: String, answer: String) {
        messages = asking(question) + [ChatMessage(role: "assistant", content: answer)]
    }
}
