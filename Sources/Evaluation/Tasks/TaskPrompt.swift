/// What a model is asked.
package struct TaskPrompt: Sendable, Hashable {
    /// How the text reaches the model.
    package enum Form: String, Sendable, Hashable, CaseIterable {
        /// As it is; the model goes on writing.
        case plain
        /// As what a user says, in the model's chat template.
        case chat
    }

    package let form: Form
    /// The examples and the question.
    package let text: String
    /// What the answer of the assistant starts with.
    ///
    /// The model goes on behind it, so that a chat template has to leave the message open. Always empty in plain
    /// form.
    package let answerPrefix: String

    /// A prompt of the given parts.
    package init(form: Form, text: String, answerPrefix: String = "") {
        self.form = form
        self.text = text
        self.answerPrefix = answerPrefix
    }
}
