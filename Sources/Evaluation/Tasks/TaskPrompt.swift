/// What a model is asked.
package struct TaskPrompt: Sendable, Hashable {
    /// How the text reaches the model.
    package enum Form: String, Sendable, Hashable, CaseIterable {
        /// As it is; the model goes on writing.
        case plain
        /// As what a user says, in the model's chat template.
        case chat
        /// As ``chat`` where the model has a chat template, else as ``plain``.
        case model
        /// As ``chat``, and the text of that once more as what a user says: the released training of d3LLM on LLaDA.
        case twice
    }

    /// What was said before the question.
    package struct Turn: Sendable, Hashable {
        /// `system`, `user` or `assistant`.
        package let role: String
        package let content: String

        package init(role: String, content: String) {
            self.role = role
            self.content = content
        }
    }

    package let form: Form
    /// The examples and the question.
    package let text: String
    /// What the answer of the assistant starts with.
    ///
    /// The model goes on behind it, so that a chat template has to leave the message open. Always empty in plain
    /// form.
    package let answerPrefix: String
    /// What was said before ``text``, in order; empty but for conversations.
    package let turns: [Turn]

    /// A prompt of the given parts.
    package init(form: Form, text: String, answerPrefix: String = "", turns: [Turn] = []) {
        self.form = form
        self.text = text
        self.answerPrefix = answerPrefix
        self.turns = turns
    }
}
