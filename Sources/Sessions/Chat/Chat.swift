internal import Base
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

/// What a person typed in a chat.
package enum ChatLine: Sendable, Hashable {
    /// Something to answer.
    case question(String)
    /// `/reset`: forget what was said.
    case reset
    /// `/method NAME name=value …`: decode otherwise from now on; without a name, say how it is done now.
    case method(String?, settings: [String])
    /// `/help`.
    case help
    /// `/quit`.
    case quit
    /// Nothing but spaces.
    case nothing
    /// A command that doesn't exist.
    case unknown(String)

    /// The commands with what they do, one line each.
    package static let commands = """
        /method            say how answers are decoded
        /method NAME k=v   decode otherwise; `d3llm methods` lists names and options
        /reset             forget what was said
        /help              this list
        /quit              leave, as Ctrl-D does; Ctrl-C stops an answer
        """

    /// Reads a line; what begins with "/" is a command, "//" stands for a text that begins with "/".
    package init(_ line: String) {
        let words = line.unicodeScalars.split(whereSeparator: \.properties.isWhitespace).map { String($0) }
        guard let first = words.first else {
            self = .nothing
            return
        }
        guard first.byteText.hasPrefix("/") else {
            self = .question(line)
            return
        }
        switch first {
        case "/reset": self = .reset
        case "/method": self = .method(words.dropFirst().first, settings: Array(words.dropFirst(2)))
        case "/help": self = .help
        case "/quit", "/exit": self = .quit
        case _ where first.byteText.hasPrefix("//"):
            self = .question(line.byteText.cut(at: "/")?.after.text ?? line)
        default: self = .unknown(first)
        }
    }
}
