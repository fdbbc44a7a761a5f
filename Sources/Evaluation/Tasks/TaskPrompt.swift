/// What a model is asked.
public struct TaskPrompt: Sendable, Hashable {
    /// How the text reaches the model.
    public enum Form: String, Sendable, Hashable, CaseIterable {
        /// As it is; the model goes on writing.
        case plain
        /// As what a user says, in the model's chat template.
        case chat
    }

    public let form: Form
    /// The examples and the question.
    public let text: String
    /// What the answer of the assistant starts with.
    ///
    /// The model goes on behind it, so that a chat template has to leave the message open. Always empty in plain
    /// form.
    public let answerPrefix: String

    /// A prompt of the given parts.
    public init(form: Form, text: String, answerPrefix: String = "") {
        self.form = form
        self.text = text
        self.answerPrefix = answerPrefix
    }
}
