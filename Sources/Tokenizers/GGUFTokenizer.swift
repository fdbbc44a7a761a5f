internal import Files
internal import GGUF
internal import JSON
internal import SystemPackage

/// The tokenizer of a GGUF file, put into the tokenizer.json and tokenizer_config.json that say the same, which are then
/// read like any others.
///
/// A GGUF file names how text is cut (`tokenizer.ggml.pre`) and doesn't say it. What the names mean is fixed by llama.cpp's
/// `convert_hf_to_gguf.py`, which gives them by the ids that a tokenizer makes of a test text; the components are those of
/// the tokenizers that have these names there.
struct GGUFTokenizer {
    private let file: GGUFFile
    private let tokens: [String]
    private let pre: PreTokenizerName

    /// Names of `tokenizer.ggml.pre` that are known.
    enum PreTokenizerName: String, CaseIterable {
        case gpt2 = "gpt-2"
        case smollm
        case qwen2
        case llama3 = "llama-bpe"
    }

    /// Opens the tokenizer of a model in GGUF; nil for a folder in Hugging Face layout, and for one that has a
    /// tokenizer.json beside its GGUF file, which then counts.
    /// - Throws: `GGUFError`, `FileError`; ``TokenizerError`` for one that isn't implemented, by its name.
    init?(_ model: FilePath) throws {
        guard !FileSystem.exists(model.appending("tokenizer.json")), let file = try GGUFFile(model: model)
        else {
            return nil
        }
        self.file = file
        let cure =
            "; put the tokenizer.json of the model's repository into a folder with the file, which is read instead."
        guard let kind = try file.string("tokenizer.ggml.model") else {
            throw Self.error(file, "tokenizer.ggml.model", "The file names no tokenizer\(cure)")
        }
        guard kind == "gpt2" else {
            throw Self.error(
                file, "tokenizer.ggml.model",
                "The tokenizer `\(kind)` isn't supported; supported here: gpt2 (byte-level BPE)\(cure)")
        }
        let known = PreTokenizerName.allCases.map(\.rawValue).joined(separator: ", ")
        guard let name = try file.string("tokenizer.ggml.pre") else {
            throw Self.error(
                file, "tokenizer.ggml.pre",
                "The file doesn't say how text is cut before it becomes tokens; known names are \(known)\(cure)"
            )
        }
        guard let pre = PreTokenizerName(rawValue: name) else {
            throw Self.error(
                file, "tokenizer.ggml.pre",
                "The pre-tokenizer `\(name)` isn't known; known are \(known)\(cure)")
        }
        self.pre = pre
        tokens = try file.strings("tokenizer.ggml.tokens") ?? []
        guard !tokens.isEmpty else {
            throw Self.error(file, "tokenizer.ggml.tokens", "The tokenizer has no tokens.")
        }
        var seen: [[UInt8]: Int] = [:]
        seen.reserveCapacity(tokens.count)
        for (id, token) in tokens.enumerated() {
            if let other = seen.updateValue(id, forKey: Array(token.utf8)) {
                throw Self.error(
                    file, "tokenizer.ggml.tokens", "The token `\(token)` has the ids \(other) and \(id).")
            }
        }
    }

    var path: FilePath { file.path }

    private static func error(_ file: GGUFFile, _ key: String, _ message: String) -> TokenizerError {
        TokenizerError(location: file.path.string, path: key, message: message)
    }

    /// The two files, by their names.
    /// - Throws: `GGUFError`, ``TokenizerError`` for values that don't belong together.
    func files() throws -> [(name: String, bytes: [UInt8])] {
        [
            ("tokenizer.json", try tokenizer()),
            ("tokenizer_config.json", try configuration().prettyBytes()),
        ]
    }

    /// The same as documents.
    func documents() throws -> (tokenizer: JSONDocument, configuration: JSONDocument) {
        (
            try JSONDocument(parsing: tokenizer(), name: "\(file.path) (tokenizer.ggml)"),
            try JSONDocument(parsing: configuration().compactBytes(), name: "\(file.path)")
        )
    }

    // MARK: - tokenizer.json

    private func tokenizer() throws -> [UInt8] {
        guard let merges = try file.strings("tokenizer.ggml.merges") else {
            throw Self.error(file, "tokenizer.ggml.merges", "The tokenizer has no merges.")
        }
        var added: [JSONValue] = []
        for (id, isSpecial) in try addedTokens() {
            added.append([
                "id": .integer(id), "content": .string(tokens[id]), "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": .bool(isSpecial),
            ])
        }
        let bytes: JSONValue = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false,
            "use_regex": .bool(pre == .gpt2 || pre == .smollm),
        ]
        var parts: [(key: String, bytes: [UInt8])] = [
            ("added_tokens", try JSONValue.array(added).compactBytes()),
            ("normalizer", try (pre == .qwen2 ? ["type": "NFC"] : JSONValue.null).compactBytes()),
            (
                "pre_tokenizer",
                try
                    (splits.isEmpty
                    ? bytes : ["type": "Sequence", "pretokenizers": .array(splits + [bytes])]).compactBytes()
            ),
            ("post_processor", try postProcessor().compactBytes()),
            ("decoder", try bytes.compactBytes()),
        ]
        var vocabulary: [UInt8] = []
        for (id, token) in tokens.enumerated() {
            vocabulary += id == 0 ? [] : Array(",".utf8)
            vocabulary += try JSONValue.string(token).compactBytes()
            vocabulary += Array(":\(id)".utf8)
        }
        let model =
            #"{"type":"BPE","ignore_merges":\#(pre == .llama3),"vocab":{"#.utf8 + vocabulary
            + #"},"merges":"#.utf8
            + (try JSONValue.array(merges.map { .string($0) }).compactBytes()) + "}".utf8
        parts.append(("model", Array(model)))
        let members = parts.map { Array("\"\($0.key)\":".utf8) + $0.bytes }
        return Array("{".utf8) + members.joined(separator: ",".utf8) + "}".utf8
    }

    /// What Qwen2's and Llama 3's tokenizers cut text with, which differ in how digits stand together.
    static func pattern(digits: String) -> String {
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    /// What cuts text before the bytes are taken.
    private var splits: [JSONValue] {
        func split(_ digits: String) -> JSONValue {
            [
                "type": "Split", "pattern": ["Regex": .string(Self.pattern(digits: digits))],
                "behavior": "Isolated", "invert": false,
            ]
        }
        switch pre {
        case .gpt2: return []
        case .smollm: return [["type": "Digits", "individual_digits": true]]
        case .qwen2: return [split(#"\p{N}"#)]
        case .llama3: return [split(#"\p{N}{1,3}"#)]
        }
    }

    /// Tokens that are found in text before it is cut: those of control, which are special, and a user's.
    private func addedTokens() throws -> [(id: Int, isSpecial: Bool)] {
        guard let types = try file.integers("tokenizer.ggml.token_type") else { return [] }
        guard types.count == tokens.count else {
            throw Self.error(
                file, "tokenizer.ggml.token_type",
                "There are \(types.count) types for \(tokens.count) tokens; every token has one.")
        }
        return types.enumerated().compactMap { id, type in
            // Numbers of llama.cpp's `llama_token_type`.
            type == 3 ? (id, true) : type == 4 ? (id, false) : nil
        }
    }

    /// Puts the tokens around texts that the file asks for; of Llama 3 the first one even if it doesn't say so, as llama.cpp
    /// has it.
    private func postProcessor() throws -> JSONValue {
        let begins = try file.flag("tokenizer.ggml.add_bos_token") ?? (pre == .llama3)
        let ends = try file.flag("tokenizer.ggml.add_eos_token") ?? false
        var pieces: [JSONValue] = [["Sequence": ["id": "A", "type_id": 0]]]
        var special = JSONObject()
        for (isWanted, role, isFirst) in [(begins, "bos", true), (ends, "eos", false)] where isWanted {
            guard let id = try id(role) else {
                throw Self.error(
                    file, "tokenizer.ggml.add_\(role)_token",
                    "The tokenizer adds a token to texts that it doesn't name; tokenizer.ggml.\(role)_token_id does."
                )
            }
            let token = JSONValue.string(tokens[id])
            pieces.insert(
                ["SpecialToken": ["id": token, "type_id": 0]], at: isFirst ? 0 : pieces.count)
            special[tokens[id]] = ["id": token, "ids": [.integer(id)], "tokens": [token]]
        }
        guard !special.members.isEmpty else { return .null }
        return [
            "type": "TemplateProcessing", "single": .array(pieces), "pair": .array(pieces),
            "special_tokens": .object(special),
        ]
    }

    // MARK: - tokenizer_config.json

    private func configuration() throws -> JSONValue {
        var object = JSONObject()
        for (role, name) in [
            (TokenRoles.Role.beginning, "bos"), (.end, "eos"), (.unknown, "unknown"), (.padding, "padding"),
            (.separator, "seperator"), (.mask, "mask"),
        ] {
            if let id = try id(name) { object[role.rawValue] = .string(tokens[id]) }
        }
        // As Llama 3's own files have it; llama.cpp's programs too take these spaces out there.
        object["clean_up_tokenization_spaces"] = .bool(pre == .llama3)
        if let template = try file.string("tokenizer.chat_template") {
            object["chat_template"] = .string(template)
        }
        return .object(object)
    }

    /// The id of a token with a role.
    private func id(_ role: String) throws -> Int? {
        let key = "tokenizer.ggml.\(role)_token_id"
        guard let id = try file.integer(key) else { return nil }
        guard id < tokens.count else {
            throw Self.error(file, key, "The id \(id) belongs to no token; there are \(tokens.count).")
        }
        return id
    }
}
