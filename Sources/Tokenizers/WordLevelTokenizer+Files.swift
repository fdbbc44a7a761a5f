internal import Documents
internal import Files
public import JSON
public import SystemPackage

extension WordLevelTokenizer {
    /// Reads `tokenizer.json` and, if it is there, `tokenizer_config.json` from a folder.
    ///
    /// - Throws: `FileError`, `JSONSyntaxError`, or `TokenizerError` for what this tokenizer doesn't support.
    public init(folder: FilePath) throws {
        func document(_ name: String) throws -> JSONDocument {
            let path = folder.appending(name)
            return try JSONDocument(parsing: FileSystem.read(path), name: path.string)
        }
        let configuration = folder.appending("tokenizer_config.json")
        try self.init(
            tokenizer: document("tokenizer.json"),
            configuration: FileSystem.exists(configuration) ? document("tokenizer_config.json") : nil)
    }

    /// Reads a `tokenizer.json`.
    ///
    /// Every component must be one that this tokenizer carries out exactly; any other is refused by its JSON path
    /// and name, because leaving it out would give other ids without a word.
    /// - Parameters:
    ///   - tokenizer: the contents of `tokenizer.json`.
    ///   - configuration: the contents of `tokenizer_config.json`, which names the tokens with a role. Without it
    ///     those of `SpecialTokens.standard` play their role if the vocabulary holds them.
    /// - Throws: `TokenizerError`.
    public init(tokenizer: JSONDocument, configuration: JSONDocument?) throws(TokenizerError) {
        let root = TokenizerField(root: tokenizer)
        for key in ["normalizer", "post_processor", "decoder"] {
            guard let component = root[key] else { continue }
            let name = component["type"]?.node.string.map { " `\($0)`" } ?? ""
            throw component.error(
                "The component\(name) isn't supported by the word-level tokenizer: it must be null.")
        }
        try Self.check(preTokenizer: root.required("pre_tokenizer"))

        let model = try root.required("model")
        try model.expectType("WordLevel")
        let vocabulary = try Self.vocabulary(model.required("vocab"))
        // The JSON reader refuses an object with the same key twice, so that each token has one id.
        let ids = Dictionary(vocabulary.map { (Array($0.token.utf8), $0.id) }) { first, _ in first }
        let unknown = try model.required("unk_token")
        guard ids[Array(try unknown.string().utf8)] != nil else {
            throw unknown.error("The unknown token `\(try unknown.string())` isn't in the vocabulary.")
        }

        var added: [AddedToken] = []
        for field in try root["added_tokens"]?.elements() ?? [] {
            added.append(try Self.addedToken(field, ids: ids))
        }
        let roles = try Self.roles(unknown: unknown.string(), configuration: configuration, ids: ids)
        self.init(
            vocabulary: vocabulary, added: added, specialTokens: roles,
            cleansUpSpaces: try SpaceCleanup.isWanted(configuration))
    }

    private static func check(preTokenizer: TokenizerField) throws(TokenizerError) {
        try preTokenizer.expectType("Sequence")
        let list = try preTokenizer.required("pretokenizers")
        let parts = try list.elements()
        let expected = ["WhitespaceSplit", "Digits"]
        for (part, type) in zip(parts, expected) { try part.expectType(type) }
        guard parts.count == expected.count else {
            throw list.error(
                "\(parts.count) pre-tokenizers stand here; the word-level tokenizer supports exactly "
                    + "`WhitespaceSplit` followed by `Digits`.")
        }
        let individual = try parts[1].required("individual_digits")
        guard try individual.bool() else {
            throw individual.error("Only `Digits` with individual_digits true is supported.")
        }
    }

    private static func vocabulary(_ field: TokenizerField) throws(TokenizerError) -> [(
        token: String, id: Int
    )] {
        var owners: [Int: String] = [:]
        var result: [(token: String, id: Int)] = []
        for (token, value) in try field.members() {
            let id = try value.tokenId()
            if let owner = owners.updateValue(token, forKey: id) {
                throw value.error(
                    "The id \(id) of `\(token)` belongs to `\(owner)` already: every token needs its own.")
            }
            result.append((token, id))
        }
        return result
    }

    private static func addedToken(
        _ field: TokenizerField, ids: [[UInt8]: Int]
    ) throws(TokenizerError) -> AddedToken {
        for flag in ["single_word", "lstrip", "rstrip", "normalized"] {
            if let value = field[flag], try value.bool() {
                throw value.error("An added token with `\(flag)` true isn't supported: it must be false.")
            }
        }
        let content = try field.required("content").string()
        let id = try field.required("id")
        guard !content.isEmpty else { throw field.error("The added token is empty; it must have some text.") }
        guard ids[Array(content.utf8)] == (try id.tokenId()) else {
            throw id.error("The added token `\(content)` must be in the model's vocabulary with this id.")
        }
        return AddedToken(
            bytes: Array(content.utf8), id: try id.tokenId(), isSpecial: try field["special"]?.bool() ?? false
        )
    }

    private static func roles(
        unknown: String, configuration: JSONDocument?, ids: [[UInt8]: Int]
    ) throws(TokenizerError) -> SpecialTokens {
        guard let configuration else {
            let present = { (token: String?) in token.flatMap { ids[Array($0.utf8)] == nil ? nil : $0 } }
            let standard = SpecialTokens.standard
            return SpecialTokens(
                unknown: unknown, mask: present(standard.mask), endOfText: present(standard.endOfText),
                separator: present(standard.separator))
        }
        let root = TokenizerField(root: configuration)
        func role(_ key: String) throws(TokenizerError) -> String? {
            guard let field = root[key] else { return nil }
            // Either the token itself or an object that describes it.
            let token = try (field.node.members == nil ? field : field.required("content")).string()
            guard ids[Array(token.utf8)] != nil else {
                throw field.error("The token `\(token)` isn't in the vocabulary of tokenizer.json.")
            }
            return token
        }
        return SpecialTokens(
            unknown: unknown, mask: try role("mask_token"), endOfText: try role("eos_token"),
            separator: try role("sep_token"))
    }
}

extension DocumentValue<TokenizerError> {
    /// Refuses a component of another type than `name`.
    fileprivate func expectType(_ name: String) throws(TokenizerError) {
        let type = try required("type")
        let found = try type.string()
        guard found == name else {
            throw type.error(
                "The component `\(found)` isn't supported here: the word-level tokenizer needs `\(name)`.")
        }
    }
}

extension WordLevelTokenizer {
    /// Writes `tokenizer.json` and `tokenizer_config.json` to a folder that exists.
    ///
    /// - Throws: `FileError`.
    package func write(to folder: FilePath) throws {
        try FileSystem.writeAtomically(tokenizerJSON(), to: folder.appending("tokenizer.json"))
        try FileSystem.writeAtomically(configurationJSON(), to: folder.appending("tokenizer_config.json"))
    }

    /// The bytes of `tokenizer.json`, the vocabulary in the order of its ids.
    func tokenizerJSON() throws -> [UInt8] {
        let addedTokens = added.sorted { $0.id < $1.id }.map { token -> JSONValue in
            [
                "id": .integer(token.id), "content": .string(String(decoding: token.bytes, as: UTF8.self)),
                "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
                "special": .bool(token.isSpecial),
            ]
        }
        let preTokenizer: JSONValue = [
            "type": "Sequence",
            "pretokenizers": [["type": "WhitespaceSplit"], ["type": "Digits", "individual_digits": true]],
        ]
        // The vocabulary is put together by hand: an object of the JSON module may compare keys as Swift strings,
        // which would merge words that differ in bytes only.
        var entries: [[UInt8]] = []
        for (id, token) in tokens.sorted(by: { $0.key < $1.key }) {
            entries.append(try JSONValue.string(token).compactBytes() + Array(": \(id)".utf8))
        }
        let parts: [(key: String, bytes: [UInt8])] = [
            ("version", try JSONValue.string("1.0").compactBytes()),
            ("truncation", Array("null".utf8)),
            ("padding", Array("null".utf8)),
            ("added_tokens", try JSONValue.array(addedTokens).compactBytes()),
            ("normalizer", Array("null".utf8)),
            ("pre_tokenizer", try preTokenizer.compactBytes()),
            ("post_processor", Array("null".utf8)),
            ("decoder", Array("null".utf8)),
            (
                "model",
                Array("{\"type\": \"WordLevel\", \"vocab\": {\n    ".utf8)
                    + entries.joined(separator: ",\n    ".utf8)
                    + "\n  }, \"unk_token\": ".utf8
                    + (try JSONValue.string(specialTokens.unknown).compactBytes()) + "}".utf8
            ),
        ]
        return Array("{\n".utf8)
            + parts.map { Array("  \"\($0.key)\": ".utf8) + $0.bytes }.joined(separator: ",\n".utf8)
            + "\n}\n".utf8
    }

    /// The bytes of `tokenizer_config.json`: which token plays which role, for Hugging Face's loader.
    func configurationJSON() throws -> [UInt8] {
        var members = JSONObject()
        members["tokenizer_class"] = "PreTrainedTokenizerFast"
        members["clean_up_tokenization_spaces"] = false
        members["unk_token"] = .string(specialTokens.unknown)
        members["mask_token"] = specialTokens.mask.map { .string($0) }
        members["eos_token"] = specialTokens.endOfText.map { .string($0) }
        // What follows the end of a text is filled with the same token.
        members["pad_token"] = specialTokens.endOfText.map { .string($0) }
        members["sep_token"] = specialTokens.separator.map { .string($0) }
        return try JSONValue.object(members).prettyBytes()
    }
}
