internal import Documents
internal import JSON

/// Collects added tokens from `tokenizer.json` and `tokenizer_config.json`, as Hugging Face's libraries do.
///
/// Those give an added token the id of the model's token of the same name, or else the next free one, whatever the
/// file says. A file that says otherwise is refused here: one of its two readings would be wrong.
struct AddedTokenReader {
    /// The tokens so far; those that were there first come first.
    private(set) var tokens: [AddedToken] = []
    private let vocabulary: Vocabulary
    private var places: [[UInt8]: Int] = [:]
    private var largestId = -1

    init(_ vocabulary: Vocabulary) { self.vocabulary = vocabulary }

    /// Adds an element of `added_tokens`.
    mutating func add(_ field: TokenizerField) throws(TokenizerError) {
        let id = try field.required("id")
        let token = try Self.token(field, id: id.tokenId())
        guard places[Array(token.content.utf8)] == nil else {
            throw field.error("The added token `\(token.content)` stands here twice.")
        }
        try insert(token, at: id)
    }

    /// Reads `tokenizer_config.json`: adds the tokens that only it has and gives back the roles.
    mutating func readConfiguration(_ root: TokenizerField) throws(TokenizerError) -> TokenRoles {
        var entries: [(id: Int, field: TokenizerField)] = []
        for (key, value) in try root["added_tokens_decoder"]?.members() ?? [] {
            guard let id = Int(key), (0...Int(Int32.max)).contains(id) else {
                throw value.error("The key `\(key)` should be a token id.")
            }
            entries.append((id, value))
        }
        for (id, field) in entries.sorted(by: { $0.id < $1.id }) {
            let token = try Self.token(field, id: id)
            guard let place = places[Array(token.content.utf8)] else {
                try insert(token, at: field)
                continue
            }
            guard tokens[place].id == id else {
                throw field.error(
                    "`\(token.content)` has the id \(tokens[place].id) in tokenizer.json, not \(id).")
            }
            // Hugging Face's loader adds it again with the flags of the configuration, which then hold.
            tokens[place] = token
        }
        return try roles(root)
    }

    private mutating func roles(_ root: TokenizerField) throws(TokenizerError) -> TokenRoles {
        var roles = TokenRoles()
        for role in TokenRoles.Role.allCases {
            guard let field = root[role.rawValue] else { continue }
            roles[role] = try special(field)
        }
        for field in try root["additional_special_tokens"]?.elements() ?? [] {
            roles.additional.append(try special(field))
        }
        return roles
    }

    /// The name of a token with a role, which becomes special if it was an ordinary one.
    private mutating func special(_ field: TokenizerField) throws(TokenizerError) -> String {
        // Either the token itself or an object that describes it.
        let name = try (field.node.members == nil ? field : field.required("content")).string()
        if places[Array(name.utf8)] == nil {
            guard let id = vocabulary.id(of: name) else {
                throw field.error("The token `\(name)` isn't in the vocabulary of tokenizer.json.")
            }
            try insert(AddedToken(content: name, id: Int(id), isSpecial: true), at: field)
        }
        return name
    }

    private mutating func insert(_ token: AddedToken, at field: TokenizerField) throws(TokenizerError) {
        guard !token.content.isEmpty else {
            throw field.error("The added token is empty; it must have some text.")
        }
        let expected = vocabulary.id(of: token.content).map(Int.init) ?? nextId
        guard token.id == expected else {
            throw field.error(
                "The added token `\(token.content)` has the id \(token.id), but its place gives it \(expected): "
                    + "tokens of the model keep their id, others follow one by one.")
        }
        places[Array(token.content.utf8)] = tokens.count
        tokens.append(token)
        largestId = max(largestId, token.id)
    }

    /// The id of the next token that the model doesn't have.
    private var nextId: Int { max(largestId + 1, vocabulary.count) }

    private static func token(_ field: TokenizerField, id: Int) throws(TokenizerError) -> AddedToken {
        AddedToken(
            content: try field.required("content").string(), id: id,
            singleWord: try field.flag("single_word"), stripsLeft: try field.flag("lstrip"),
            stripsRight: try field.flag("rstrip"), isNormalized: try field.flag("normalized"),
            isSpecial: try field.flag("special"))
    }
}
