internal import Documents
internal import Files
package import GGUF
internal import JSON
package import SystemPackage

extension TokenizerFiles {
    /// What a model in GGUF says of its tokens: a folder's tokenizer, under the keys that llama.cpp's
    /// `convert_hf_to_gguf.py` gives them.
    ///
    /// An added token is of control if its file calls it special, and a user's else; llama.cpp's program also takes one for
    /// special that only looks like it.
    /// - Parameters:
    ///   - folder: the tokenizer; a model's folder in Hugging Face layout, or a model in GGUF.
    ///   - rows: rows of the model's embedding; ids without a token get a name and are never used.
    ///   - ends: the tokens that end the model's texts, the first of them first.
    /// - Throws: as ``init(folder:)``; ``TokenizerError`` for a tokenizer that cuts or frames texts as no name in GGUF says it,
    ///   so that the file would give other tokens.
    package static func ggufMetadata(
        _ folder: FilePath, rows: Int, ends: [Int32]
    ) throws -> [GGUFWriter.Entry] {
        let source = try documents(folder)
        let tokenizer = try tokenizer(source.tokenizer, source.configuration)
        guard let tokenizer = tokenizer as? ByteLevelTokenizer else {
            throw TokenizerError(
                location: source.tokenizer.name, path: "$.model.type",
                message:
                    "Only byte-level BPE (`BPE`) can be written in GGUF; a vocabulary of whole words has no name there."
            )
        }
        var entries = try WrittenTokenizer(tokenizer, source.tokenizer).entries(rows: rows, ends: ends)
        if let template = try templateSource(folder, source.configuration) {
            entries.append(.init("tokenizer.chat_template", .string(template.text)))
        }
        return entries
    }
}

/// A byte-level tokenizer as a GGUF file says it.
private struct WrittenTokenizer {
    private let parts: ByteLevelTokenizer.Parts
    private let tokenizer: ByteLevelTokenizer
    private let document: JSONDocument
    private let pre: GGUFTokenizer.PreTokenizerName

    /// - Throws: ``TokenizerError`` for one that GGUF has no words for.
    init(_ tokenizer: ByteLevelTokenizer, _ document: JSONDocument) throws(TokenizerError) {
        self.tokenizer = tokenizer
        self.document = document
        parts = tokenizer.parts
        let parts = tokenizer.parts
        guard let pre = GGUFTokenizer.PreTokenizerName.allCases.first(where: { $0.describes(parts) }) else {
            throw Self.error(
                document, "$.pre_tokenizer",
                "GGUF has no name for how this tokenizer normalizes and cuts text; those that can be written are \(GGUFTokenizer.PreTokenizerName.allCases.map(\.rawValue).joined(separator: ", "))."
            )
        }
        self.pre = pre
        for token in parts.added where token.singleWord || token.stripsLeft || token.stripsRight {
            throw Self.error(
                document, "$.added_tokens",
                "The token `\(token.content)` takes white space with it or wants whole words (lstrip, rstrip, single_word), which GGUF can't say."
            )
        }
    }

    private static func error(
        _ document: JSONDocument, _ path: String, _ message: String
    ) -> TokenizerError {
        TokenizerError(location: document.name, path: path, message: message)
    }

    func entries(rows: Int, ends: [Int32]) throws(TokenizerError) -> [GGUFWriter.Entry] {
        let (tokens, types) = try tokens(rows)
        let (begins, endsText) = try frame()
        var entries: [GGUFWriter.Entry] = [
            .init("tokenizer.ggml.model", .string("gpt2")),
            .init("tokenizer.ggml.pre", .string(pre.rawValue)),
            .init("tokenizer.ggml.tokens", .strings(tokens)),
            .init("tokenizer.ggml.token_type", .int32s(types)),
            .init("tokenizer.ggml.merges", .strings(try merges())),
        ]
        for (name, token) in roles(ends) {
            entries.append(.init("tokenizer.ggml.\(name)_token_id", .uint32(UInt32(token))))
        }
        entries.append(.init("tokenizer.ggml.add_bos_token", .bool(begins)))
        entries.append(.init("tokenizer.ggml.add_eos_token", .bool(endsText)))
        return entries
    }

    /// The tokens by id and their types, numbers of llama.cpp's `llama_token_type`.
    private func tokens(_ rows: Int) throws(TokenizerError) -> ([String], [Int32]) {
        let (normal, control, user, unused): (Int32, Int32, Int32, Int32) = (1, 3, 4, 5)
        let added = Dictionary(parts.added.map { ($0.id, $0.isSpecial) }, uniquingKeysWith: { $1 })
        var tokens: [String] = []
        var types: [Int32] = []
        for id in 0..<rows {
            if let token = tokenizer.convertIdToToken(id) {
                tokens.append(token)
                types.append(added[id].map { $0 ? control : user } ?? normal)
            } else {
                var name = "[PAD\(id)]"
                while tokenizer.convertTokenToId(name) != nil { name += "_" }
                tokens.append(name)
                types.append(unused)
            }
        }
        // Ids behind the embedding's rows would get lost.
        let known = Set(parts.added.map(\.id)).union(
            (0..<rows).filter { tokenizer.convertIdToToken($0) != nil })
        guard known.count == tokenizer.vocabularySize, !known.contains(where: { $0 >= rows }) else {
            throw Self.error(
                document, "$.model.vocab",
                "The tokenizer has ids that the model, whose vocabulary is of \(rows), hasn't got.")
        }
        return (tokens, types)
    }

    private func merges() throws(TokenizerError) -> [String] {
        let model = try TokenizerField(root: document).required("model")
        var merges: [String] = []
        for element in try model.required("merges").elements() {
            guard let (left, right) = try ByteLevelTokenizer.pair(element) else { continue }
            guard !"\(left)\(right)".unicodeScalars.contains(" ") else {
                throw element.error("A merge of tokens with spaces can't be written in GGUF.")
            }
            merges.append("\(left) \(right)")
        }
        return merges
    }

    /// Whether texts begin and end with the tokens of these roles.
    private func frame() throws(TokenizerError) -> (begins: Bool, ends: Bool) {
        var (begins, ends) = (false, false)
        func isOnly(_ role: Int?, in pieces: ArraySlice<SpecialTokenTemplate.Piece>) -> Bool {
            pieces.isEmpty || role.map { pieces.elementsEqual([.special([$0])]) } ?? false
        }
        for template in parts.templates {
            let text = template.pieces.firstIndex(of: .text)
            let before = template.pieces[..<(text ?? 0)]
            let after = template.pieces[((text ?? -1) + 1)...]
            guard text != nil, isOnly(tokenizer.bosTokenId, in: before),
                isOnly(tokenizer.eosTokenId, in: after), !(begins && !before.isEmpty),
                !(ends && !after.isEmpty)
            else {
                throw Self.error(
                    document, "$.post_processor",
                    "Only a bos_token before a text and an eos_token behind it can be written in GGUF.")
            }
            begins = begins || !before.isEmpty
            ends = ends || !after.isEmpty
        }
        return (begins, ends)
    }

    /// Names of roles in GGUF's keys, with their tokens; further ends of texts are those of a turn and of a message.
    private func roles(_ ends: [Int32]) -> [(name: String, token: Int)] {
        func id(_ role: TokenRoles.Role) -> Int? { parts.roles[role].flatMap(tokenizer.convertTokenToId) }
        var roles: [(String, Int)] = []
        if let token = id(.beginning) { roles.append(("bos", token)) }
        var all = id(.end).map { [$0] } ?? []
        for token in ends.map(Int.init) where !all.contains(token) { all.append(token) }
        for (name, token) in zip(["eos", "eot", "eom"], all) { roles.append((name, token)) }
        for (role, name) in [
            (TokenRoles.Role.unknown, "unknown"), (.padding, "padding"), (.separator, "seperator"),
            (.mask, "mask"),
        ] {
            if let token = id(role) { roles.append((name, token)) }
        }
        return roles
    }
}

extension GGUFTokenizer.PreTokenizerName {
    /// Whether a tokenizer does to text what the name means.
    fileprivate func describes(_ parts: ByteLevelTokenizer.Parts) -> Bool {
        guard parts.normalizers.map(\.form) == (self == .qwen2 ? [.nfc] : []),
            parts.model.ignoresMerges == (self == .llama3)
        else { return false }
        let found = parts.preTokenizer.steps.map { step -> String? in
            guard case .split(let pattern, .isolated, inverted: false) = step else { return nil }
            return pattern.source
        }
        return found.count == patterns.count
            && zip(found, patterns).allSatisfy { $0?.utf8.elementsEqual($1.utf8) ?? false }
    }

    /// What cuts text, one after another.
    private var patterns: [String] {
        switch self {
        case .gpt2: [PreTokenizer.standardPattern]
        case .smollm: [#"\p{N}"#, PreTokenizer.standardPattern]
        case .qwen2: [GGUFTokenizer.pattern(digits: #"\p{N}"#)]
        case .llama3: [GGUFTokenizer.pattern(digits: #"\p{N}{1,3}"#)]
        }
    }
}
