internal import Documents
internal import JSON

/// A token that is found in the text itself, before anything else is done with it.
struct AddedToken: Sendable, Hashable {
    /// What stands in the text.
    var content: String
    /// Its id.
    var id: Int
    /// Whether it only counts where no letter, digit or underscore touches it.
    var singleWord = false
    /// Whether it takes the white space before it.
    var stripsLeft = false
    /// Whether it takes the white space after it.
    var stripsRight = false
    /// Whether it is found in the normalized text, in its normalized form.
    var isNormalized = false
    /// Whether decoding can leave it out.
    var isSpecial = false
}

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

/// Cuts text at added tokens, as Hugging Face's library does.
///
/// Where several tokens begin at the same place, the longest one is taken; what it covers isn't searched again. White
/// space that a token takes along isn't covered in this sense.
struct AddedTokenFinder: Sendable {
    /// A part of the text.
    struct Part: Equatable {
        let range: Range<Int>
        /// The token that stands there, by its number in `tokens`; nil for text between tokens.
        let token: Int?
    }

    /// The tokens that are looked for.
    let tokens: [AddedToken]
    private var trie = ByteTrie()

    /// - Parameter patterns: what stands in the text for each token: its content, normalized if need be.
    init(_ tokens: [AddedToken], patterns: [[UInt8]]) {
        self.tokens = tokens
        for (index, pattern) in patterns.enumerated() { trie.insert(pattern, index) }
    }

    /// The parts of `text`, which together cover it; nil if no token stands in it.
    func parts(of text: UnsafeBufferPointer<UInt8>) -> [Part]? {
        guard var match = trie.firstMatch(in: text, from: 0) else { return nil }
        var parts: [Part] = []
        var done = 0
        while true {
            if let range = taken(match.range, by: tokens[match.value], in: text, after: done) {
                if done < range.lowerBound { parts.append(Part(range: done..<range.lowerBound, token: nil)) }
                parts.append(Part(range: range, token: match.value))
                done = range.upperBound
            }
            guard let next = trie.firstMatch(in: text, from: match.range.upperBound) else { break }
            match = next
        }
        if parts.isEmpty { return nil }
        if done < text.count { parts.append(Part(range: done..<text.count, token: nil)) }
        return parts
    }

    /// What a token takes of the text around it; nil if it doesn't count there.
    private func taken(
        _ range: Range<Int>, by token: AddedToken, in text: UnsafeBufferPointer<UInt8>, after done: Int
    ) -> Range<Int>? {
        if token.singleWord {
            if let before = text.scalar(endingAt: range.lowerBound), before.isWordCharacter { return nil }
            if let after = text.scalar(at: range.upperBound), after.isWordCharacter { return nil }
        }
        var (start, end) = (range.lowerBound, range.upperBound)
        if token.stripsLeft {
            while let before = text.scalar(endingAt: start), before.properties.isWhitespace {
                start -= UTF8.width(before)
            }
            // The token before may have taken the space already.
            start = max(start, done)
        }
        if token.stripsRight {
            while let after = text.scalar(at: end), after.properties.isWhitespace {
                end += UTF8.width(after)
            }
        }
        // Nothing is left where the token before took all of a token that is white space itself.
        return start < end ? start..<end : nil
    }
}

extension Unicode.Scalar {
    /// Whether Rust's `\w` matches: letters, marks, decimal digits, connectors as `_`, and the two joiners.
    fileprivate var isWordCharacter: Bool {
        if properties.isAlphabetic || properties.isJoinControl { return true }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return false
        }
    }
}

/// Finds which of several byte strings a text continues with; always the longest.
struct ByteTrie: Sendable {
    private struct Node: Sendable {
        let byte: UInt8
        /// The number of the string that ends here, or -1.
        var value: Int32 = -1
        var firstChild: Int32 = -1
        var sibling: Int32 = -1
    }

    private var nodes: [Node] = []
    /// The node of each first byte, or -1.
    private var roots = [Int32](repeating: -1, count: 256)

    /// Whether there are no strings.
    var isEmpty: Bool { nodes.isEmpty }

    /// Adds a string; the value of one that is there already stays.
    mutating func insert(_ key: some Sequence<UInt8>, _ value: Int) {
        var current: Int32 = -1
        for byte in key {
            var next = current < 0 ? roots[Int(byte)] : child(of: current, byte)
            if next < 0 {
                next = Int32(nodes.count)
                nodes.append(Node(byte: byte))
                if current < 0 {
                    roots[Int(byte)] = next
                } else {
                    nodes[Int(next)].sibling = nodes[Int(current)].firstChild
                    nodes[Int(current)].firstChild = next
                }
            }
            current = next
        }
        if current >= 0, nodes[Int(current)].value < 0 { nodes[Int(current)].value = Int32(value) }
    }

    /// The first place at or behind `start` where a string stands, and the longest one there.
    func firstMatch(
        in text: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> (range: Range<Int>, value: Int)? {
        guard !nodes.isEmpty else { return nil }
        return roots.withUnsafeBufferPointer { roots in
            for offset in start..<max(start, text.count) where roots[Int(text[offset])] >= 0 {
                if let found = longest(in: text, at: offset, roots[Int(text[offset])]) { return found }
            }
            return nil
        }
    }

    private func longest(
        in text: UnsafeBufferPointer<UInt8>, at start: Int, _ root: Int32
    ) -> (range: Range<Int>, value: Int)? {
        var found: (range: Range<Int>, value: Int)?
        var node = root
        var end = start + 1
        while node >= 0 {
            let value = nodes[Int(node)].value
            if value >= 0 { found = (start..<end, Int(value)) }
            guard end < text.count else { break }
            node = child(of: node, text[end])
            end += 1
        }
        return found
    }

    private func child(of node: Int32, _ byte: UInt8) -> Int32 {
        var child = nodes[Int(node)].firstChild
        while child >= 0, nodes[Int(child)].byte != byte { child = nodes[Int(child)].sibling }
        return child
    }
}

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
