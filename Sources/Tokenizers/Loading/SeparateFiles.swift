internal import Documents
internal import Files
internal import JSON
internal import SystemPackage

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
