package import Base
package import JSON

/// A chat template in the part of the language Jinja that templates of current models use.
///
/// Behaves as in Hugging Face's `apply_chat_template`: a line break after a statement and white space before it on its
/// line are dropped, and `raise_exception`, `namespace` and `tojson` are there. Known are `if`, `for` with `break` and
/// `continue`, `set` with a value or a body, `macro`, `filter`, `with`, `generation`, comments, expressions, slices, and
/// the filters, tests and methods listed in `TemplateLanguage`. Anything else is refused by its name and place where it is
/// reached, so that nothing is left out without a word; what isn't Jinja is refused when the template is read.
package struct ChatTemplate: Sendable {
    /// The template as it was written.
    package let source: String
    private let name: String
    private let body: [TemplateNode]

    /// Reads a template.
    ///
    /// - Parameters:
    ///   - source: the text of the template.
    ///   - name: what errors call it.
    /// - Throws: `ChatTemplateError` for what isn't Jinja.
    package init(_ source: String, name: String = "chat template") throws(ChatTemplateError) {
        self.source = source
        self.name = name
        let text = TemplateText(source, name: name)
        var parser = TemplateParser(try TemplateLexer.tokens(of: text), text)
        body = try parser.parseTemplate()
    }

    /// The text that a model gets to see for a conversation.
    ///
    /// - Parameters:
    ///   - messages: the conversation.
    ///   - addGenerationPrompt: whether the beginning of the model's answer is written too.
    ///   - tools: descriptions of the functions that the model may call.
    ///   - variables: what else the template can ask for, such as `bos_token`.
    ///   - date: what `strftime_now` writes. Without one that isn't defined, as in transformers before it had it, and a
    ///     template that checks for it writes a date of its own: Llama 3.2's is 26 Jul 2024.
    ///   - shouldStop: asked again and again; after a yes, `ChatTemplateError` says so.
    /// - Throws: `ChatTemplateError` when the template refuses the conversation, does with its values what they don't
    ///   allow, or takes more time, memory or nesting than any real one.
    package func render(
        messages: [ChatMessage], addGenerationPrompt: Bool, tools: [JSONValue]? = nil,
        variables: [String: JSONValue] = [:], date: ChatDate? = nil,
        shouldStop: @escaping () -> Bool = { Task.isCancelled }
    ) throws(ChatTemplateError) -> String {
        try render(
            messages: messages, addGenerationPrompt: addGenerationPrompt, tools: tools, variables: variables,
            date: date, limits: TemplateLimits(), shouldStop: shouldStop)
    }

    /// As above, within other limits.
    func render(
        messages: [ChatMessage], addGenerationPrompt: Bool, tools: [JSONValue]? = nil,
        variables: [String: JSONValue] = [:], date: ChatDate? = nil, limits: TemplateLimits,
        shouldStop: @escaping () -> Bool = { false }
    ) throws(ChatTemplateError) -> String {
        // Templates that cite documents ask for them; there are none.
        var values: [String: TemplateValue] = ["documents": .null]
        for (name, value) in variables { values[name] = TemplateValue(value) }
        values["messages"] = .list(messages.map { TemplateValue(.object($0.members)) })
        values["add_generation_prompt"] = .bool(addGenerationPrompt)
        values["tools"] = tools.map { .list($0.map { TemplateValue($0) }) } ?? .null
        var renderer = TemplateRenderer(
            scopes: [values], TemplateText(source, name: name),
            TemplateBudget(limits, shouldStop: shouldStop), date: date)
        return try renderer.render(body)
    }
}

/// One message of a conversation, as chat templates see it.
package struct ChatMessage: Sendable, Hashable {
    /// Everything that a template can ask for: `role`, `content`, `tool_calls` and the like.
    package var members: JSONObject

    /// A message with any members.
    package init(_ members: JSONObject) { self.members = members }

    /// A message of text.
    ///
    /// - Parameters:
    ///   - role: usually `system`, `user` or `assistant`.
    ///   - content: what was said.
    package init(role: String, content: String) {
        members = ["role": .string(role), "content": .string(content)]
    }
}

/// Why a chat template can't be used, or what it refused to write.
package struct ChatTemplateError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    /// Where: the template and the line and column in it, such as `tokenizer_config.json, chat template:3:12`.
    package let location: String
    /// What is wrong and what would be right, as a sentence.
    package let message: String

    /// An error at a place of a template.
    package init(location: String, message: String) {
        self.location = location
        self.message = message
    }

    package var description: String { "\(location): \(message)" }
}
