package import ChatTemplates
internal import Documents
internal import Files
package import JSON
package import SystemPackage

/// A tokenizer as Hugging Face's libraries store one: a folder with its files.
///
/// | file | what is in it |
/// |---|---|
/// | `tokenizer.json` | vocabulary, merges and how text is cut |
/// | `vocab.json`, `merges.txt` | vocabulary and merges, in repositories without `tokenizer.json` as Dream's |
/// | `tokenizer_config.json` | tokens with a role, more added tokens, the chat template |
/// | `chat_template.jinja` | the chat template; comes before the one in the configuration |
/// | `NAME.gguf` | all of it, in a model in GGUF that has no `tokenizer.json` beside it |
package struct TokenizerFiles: Sendable {
    /// What turns text into ids.
    package let tokenizer: any Tokenizer
    /// The strings of the tokens with a role, by Hugging Face's names, such as `bos_token`.
    package let specialTokens: [String: String]
    /// The chat template, or what is wrong with it; nil if the folder has none.
    ///
    /// A template that isn't understood is only an error for who asks for it.
    private var template: Result<ChatTemplate, ChatTemplateError>?
    /// The name of the file that holds a folder's template, if one of its own does.
    package static let templateName = "chat_template.jinja"

    /// Reads a folder.
    ///
    /// - Throws: `FileError`, `FileEncodingError`, `JSONSyntaxError`, `GGUFError`, or `TokenizerError` for what is missing, or
    ///   isn't supported, by its JSON path or its key.
    package init(folder: FilePath) throws {
        let source = try Self.documents(folder)
        tokenizer = try Self.tokenizer(source.tokenizer, source.configuration)
        specialTokens = try source.configuration.map { try Self.specialTokens($0) } ?? [:]
        template = try Self.templateSource(folder, source.configuration).map { Self.read($0.text, $0.name) }
    }

    /// A folder's tokenizer.json and tokenizer_config.json, or what other files say instead.
    ///
    /// - Throws: as ``init(folder:)``.
    static func documents(
        _ folder: FilePath
    ) throws -> (tokenizer: JSONDocument, configuration: JSONDocument?) {
        if let gguf = try GGUFTokenizer(folder) { return try gguf.documents() }
        var configuration: JSONDocument?
        let configurationPath = folder.appending("tokenizer_config.json")
        if FileSystem.exists(configurationPath) {
            configuration = try JSONDocument(
                parsing: FileSystem.read(configurationPath, limit: FileLimit.settings),
                name: configurationPath.string,
                allowNonFinite: true)
        }
        let path = folder.appending("tokenizer.json")
        let document =
            FileSystem.exists(path)
            ? try JSONDocument(parsing: FileSystem.read(path), name: path.string)
            : try SeparateFiles(folder).tokenizer(configuration)
        return (document, configuration)
    }

    /// The chat template of a folder as it is written, and what it is called in messages; nil where there is none.
    ///
    /// - Throws: as ``init(folder:)``.
    static func templateSource(
        _ folder: FilePath, _ configuration: JSONDocument?
    ) throws -> (text: String, name: String)? {
        let path = folder.appending(templateName)
        if FileSystem.exists(path) {
            return (try FileSystem.readText(path, limit: FileLimit.settings), path.string)
        }
        guard let configuration, let text = try template(TokenizerField(root: configuration)) else {
            return nil
        }
        return (text, "\(configuration.name), chat_template")
    }

    /// What a model in GGUF says of its tokens, as files in Hugging Face layout by their names; none for a folder that has
    /// such files itself.
    ///
    /// - Throws: as ``init(folder:)``.
    package static func converted(_ model: FilePath) throws -> [String: [UInt8]] {
        let files = try GGUFTokenizer(model)?.files() ?? []
        return Dictionary(files.map { ($0.name, $0.bytes) }, uniquingKeysWith: { first, _ in first })
    }

    /// The same tokenizer with another chat template.
    package func with(template: ChatTemplate) -> TokenizerFiles {
        var changed = self
        changed.template = .success(template)
        return changed
    }

    /// Whether the folder has a chat template.
    package var hasChatTemplate: Bool { template != nil }

    /// The chat template; nil if the folder has none.
    ///
    /// - Throws: `ChatTemplateError` if it isn't understood.
    package func chatTemplate() throws(ChatTemplateError) -> ChatTemplate? { try template?.get() }

    /// The text of a conversation as the model wants it.
    ///
    /// - Parameters:
    ///   - messages: the conversation.
    ///   - addGenerationPrompt: whether the beginning of the model's answer is written too.
    ///   - tools: descriptions of the functions that the model may call.
    ///   - variables: what else the template can ask for.
    ///   - date: what a template gets that asks for today's date; nil where the text mustn't depend on the day.
    /// - Throws: `ChatTemplateError`, also when the folder has no template.
    package func applyChatTemplate(
        to messages: [ChatMessage], addGenerationPrompt: Bool = true, tools: [JSONValue]? = nil,
        variables: [String: JSONValue] = [:], date: ChatDate? = nil
    ) throws(ChatTemplateError) -> String {
        guard let template = try chatTemplate() else {
            throw ChatTemplateError(
                location: "tokenizer_config.json",
                message: "The tokenizer has no chat template; add `chat_template` or use plain prompts.")
        }
        var values = specialTokens.mapValues { JSONValue.string($0) }
        values.merge(variables) { _, given in given }
        return try template.render(
            messages: messages, addGenerationPrompt: addGenerationPrompt, tools: tools, variables: values,
            date: date)
    }

    /// The ids of a conversation.
    ///
    /// Special tokens are those of the template; the tokenizer adds none of its own.
    /// - Throws: as ``applyChatTemplate(to:addGenerationPrompt:tools:variables:date:)``; ``TokenizerError`` as
    ///   ``Tokenizer/tokenize(text:)``.
    package func encodeChat(
        _ messages: [ChatMessage], addGenerationPrompt: Bool = true, tools: [JSONValue]? = nil,
        variables: [String: JSONValue] = [:], date: ChatDate? = nil
    ) throws -> [Int] {
        let text = try applyChatTemplate(
            to: messages, addGenerationPrompt: addGenerationPrompt, tools: tools, variables: variables,
            date: date)
        return try tokenizer.encode(text: text, addSpecialTokens: false)
    }

    /// The tokenizer that fits the model of a `tokenizer.json`.
    static func tokenizer(
        _ document: JSONDocument, _ configuration: JSONDocument?
    ) throws(TokenizerError) -> any Tokenizer {
        let model = try TokenizerField(root: document).required("model")
        switch try model.componentType() {
        case "BPE": return try ByteLevelTokenizer(tokenizer: document, configuration: configuration)
        case "WordLevel": return try WordLevelTokenizer(tokenizer: document, configuration: configuration)
        default: throw try model.unsupported("model", supported: ["BPE", "WordLevel"])
        }
    }

    private static func specialTokens(
        _ configuration: JSONDocument
    ) throws(TokenizerError) -> [String: String] {
        let root = TokenizerField(root: configuration)
        var tokens: [String: String] = [:]
        for role in TokenRoles.Role.allCases {
            guard let field = root[role.rawValue] else { continue }
            tokens[role.rawValue] =
                try (field.node.members == nil ? field : field.required("content")).string()
        }
        return tokens
    }

    /// The template of a configuration: the only one, or that of several which is called `default`.
    private static func template(_ root: TokenizerField) throws(TokenizerError) -> String? {
        guard let field = root["chat_template"] else { return nil }
        guard field.node.array != nil else { return try field.string() }
        for entry in try field.elements() where try entry.required("name").string() == "default" {
            return try entry.required("template").string()
        }
        return nil
    }

    private static func read(_ source: String, _ name: String) -> Result<ChatTemplate, ChatTemplateError> {
        do throws(ChatTemplateError) { return .success(try ChatTemplate(source, name: name)) } catch {
            return .failure(error)
        }
    }
}

/// A vocabulary and merges in files of their own, as repositories of GPT-2, Qwen2 and Dream have them.
///
/// How text is cut doesn't stand in these files; it follows from the class that `tokenizer_config.json` names. The parts
/// are put together as the `tokenizer.json` into which Hugging Face's library converts them.
struct SeparateFiles {
    private let folder: FilePath

    init(_ folder: FilePath) { self.folder = folder }

    /// Qwen2's pattern.
    private static let qwen2Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// The document that says all that the files say.
    ///
    /// - Throws: `FileError`, `FileEncodingError`, `JSONSyntaxError`, or `TokenizerError` when a file is missing or the
    ///   class isn't known.
    func tokenizer(_ configuration: JSONDocument?) throws -> JSONDocument {
        guard FileSystem.exists(folder.appending("vocab.json")),
            FileSystem.exists(folder.appending("merges.txt")), let configuration
        else {
            throw TokenizerError(
                location: folder.string, path: "$",
                message: "A tokenizer.json is expected here, or a vocab.json, a merges.txt and a "
                    + "tokenizer_config.json.")
        }
        let (normalizer, preTokenizer) = try components(TokenizerField(root: configuration))
        let byteLevel: JSONValue = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false,
        ]
        var parts: [(key: String, bytes: [UInt8])] = []
        parts.append(("normalizer", try normalizer.compactBytes()))
        parts.append(("pre_tokenizer", try preTokenizer.compactBytes()))
        parts.append(("decoder", try byteLevel.compactBytes()))
        // The vocabulary goes in as it stands in its file, after it was read on its own: what is wrong in it is said
        // with its place there.
        let vocabularyPath = folder.appending("vocab.json")
        let vocabulary = try FileSystem.read(vocabularyPath)
        _ = try JSONDocument(parsing: vocabulary, name: vocabularyPath.string)
        let model =
            #"{"type": "BPE", "vocab": "#.utf8 + vocabulary + #", "merges": "#.utf8
            + (try JSONValue.array(merges()).compactBytes()) + "}".utf8
        parts.append(("model", Array(model)))
        let members = parts.map { Array("\"\($0.key)\": ".utf8) + $0.bytes }
        return try JSONDocument(
            parsing: Array("{".utf8) + members.joined(separator: ", ".utf8) + "}".utf8,
            name: "\(folder) (vocab.json, merges.txt)")
    }

    private func merges() throws -> [JSONValue] {
        // Lines end in line feeds only: other line breaks may stand in tokens.
        try FileSystem.readText(folder.appending("merges.txt")).unicodeScalars
            .split(separator: "\n").map { .string(String($0.last == "\r" ? $0.dropLast() : $0)) }
    }

    /// Normalizer and pre-tokenizer of the class that the configuration names.
    private func components(_ root: TokenizerField) throws -> (JSONValue, JSONValue) {
        let name = try root.required("tokenizer_class")
        let prefix = try root["add_prefix_space"]?.bool() ?? false
        switch try name.string() {
        case "Qwen2Tokenizer", "Qwen2TokenizerFast", "DreamTokenizer":
            let split: JSONValue = [
                "type": "Split", "pattern": ["Regex": .string(Self.qwen2Pattern)], "behavior": "Isolated",
                "invert": false,
            ]
            let bytes: JSONValue = [
                "type": "ByteLevel", "add_prefix_space": .bool(prefix), "trim_offsets": false,
                "use_regex": false,
            ]
            return (["type": "NFC"], ["type": "Sequence", "pretokenizers": [split, bytes]])
        case "GPT2Tokenizer", "GPT2TokenizerFast":
            return (
                nil,
                [
                    "type": "ByteLevel", "add_prefix_space": .bool(prefix), "trim_offsets": true,
                    "use_regex": true,
                ]
            )
        case let other:
            throw name.error(
                "Without a tokenizer.json the class `\(other)` isn't supported; supported are DreamTokenizer, "
                    + "GPT2Tokenizer, Qwen2Tokenizer. Add the tokenizer.json of the repository.")
        }
    }
}
