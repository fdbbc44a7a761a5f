public import JSON

/// One message of a conversation, as chat templates see it.
public struct ChatMessage: Sendable, Hashable {
    /// Everything that a template can ask for: `role`, `content`, `tool_calls` and the like.
    public var members: JSONObject

    /// A message with any members.
    public init(_ members: JSONObject) { self.members = members }

    /// A message of text.
    ///
    /// - Parameters:
    ///   - role: usually `system`, `user` or `assistant`.
    ///   - content: what was said.
    public init(role: String, content: String) {
        members = ["role": .string(role), "content": .string(content)]
    }
}
