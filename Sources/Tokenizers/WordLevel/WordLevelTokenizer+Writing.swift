internal import Files
internal import JSON
public import SystemPackage

extension WordLevelTokenizer {
    /// Writes `tokenizer.json` and `tokenizer_config.json` to a folder that exists.
    ///
    /// - Throws: `FileError`.
    public func write(to folder: FilePath) throws {
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
