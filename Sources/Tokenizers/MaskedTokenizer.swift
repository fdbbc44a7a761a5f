internal import Files
internal import JSON
package import SystemPackage

/// A tokenizer that has got a mask token: what has to be written in its folder for that.
///
/// A token that the tokenizer has already keeps its id. Another one gets the next free id, as Hugging Face's
/// `add_special_tokens({"mask_token": …})` gives it.
package struct MaskedTokenizer: Sendable {
    /// The id of the mask token.
    package let id: Int
    /// The files that change, by name.
    package let files: [String: [UInt8]]

    /// Reads a folder and gives its tokenizer a mask token.
    ///
    /// - Parameter token: The mask token's text.
    /// - Throws: `TokenizerError` for a folder without tokenizer.json whose tokenizer doesn't have the token; what reading
    ///   a tokenizer throws.
    package init(_ folder: FilePath, token: String) throws {
        let tokenizer = try TokenizerFiles(folder: folder).tokenizer
        // Those of a model in GGUF, which has none of its own.
        let converted = try TokenizerFiles.converted(folder)
        func exists(_ name: String) -> Bool {
            converted[name] != nil || FileSystem.exists(folder.appending(name))
        }
        func bytes(_ name: String, limit: Int = FileLimit.document) throws -> [UInt8] {
            try converted[name] ?? FileSystem.read(folder.appending(name), limit: limit)
        }
        let path = folder.appending("tokenizer.json")
        var changed: [String: [UInt8]] = [:]
        if let known = tokenizer.convertTokenToId(token) {
            id = known
        } else {
            guard exists("tokenizer.json") else {
                throw TokenizerError(
                    location: path.string, path: "$",
                    message:
                        "There is no tokenizer.json that the token `\(token)` could be added to; write one with transformers (save_pretrained of a fast tokenizer), or name a token that is there."
                )
            }
            let root = try JSONDocument(parsing: bytes("tokenizer.json"), name: path.string).root
            var next = root["model"]?["vocab"]?.members?.count ?? 0
            while tokenizer.convertIdToToken(next) != nil { next += 1 }
            id = next
            guard case .object(var object) = JSONValue(root) else {
                throw TokenizerError(
                    location: path.string, path: "$", message: "The file should hold an object.")
            }
            let entry = Self.entry(token, id: next, besides: ["normalized": false, "single_word": false])
            object["added_tokens"] = .array((object["added_tokens"]?.array ?? []) + [entry])
            changed["tokenizer.json"] = try JSONValue.object(object).prettyBytes()
        }
        for name in ["tokenizer_config.json", "special_tokens_map.json"] {
            let path = folder.appending(name)
            guard exists(name) || name == "tokenizer_config.json" else { continue }
            var object = JSONObject()
            if exists(name) {
                let document = try JSONDocument(
                    parsing: bytes(name, limit: FileLimit.settings), name: path.string, allowNonFinite: true)
                if case .object(let found) = JSONValue(document.root) { object = found }
            }
            object["mask_token"] = .string(token)
            if case .object(var decoder)? = object["added_tokens_decoder"] {
                decoder["\(id)"] =
                    decoder["\(id)"]
                    ?? Self.entry(token, id: nil, besides: ["normalized": false, "single_word": false])
                object["added_tokens_decoder"] = .object(decoder)
            }
            changed[name] = try JSONValue.object(object).prettyBytes()
        }
        files = changed
    }

    private static func entry(_ token: String, id: Int?, besides: JSONObject) -> JSONValue {
        var object = besides
        if let id { object["id"] = .integer(id) }
        object["content"] = .string(token)
        object["lstrip"] = false
        object["rstrip"] = false
        object["special"] = true
        return .object(object)
    }
}
