/// Which token plays which role, as `tokenizer_config.json` says it.
struct TokenRoles: Sendable, Hashable {
    /// The roles, under the names that Hugging Face's libraries give them.
    enum Role: String, CaseIterable, Sendable {
        case beginning = "bos_token"
        case end = "eos_token"
        case unknown = "unk_token"
        case separator = "sep_token"
        case padding = "pad_token"
        case classification = "cls_token"
        case mask = "mask_token"
    }

    /// The token of each role that is given.
    var tokens: [Role: String] = [:]
    /// Tokens that are special without a role.
    var additional: [String] = []

    subscript(role: Role) -> String? {
        get { tokens[role] }
        set { tokens[role] = newValue }
    }
}
