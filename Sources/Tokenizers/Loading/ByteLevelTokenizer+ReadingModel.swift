internal import Documents
internal import JSON

extension ByteLevelTokenizer {
    /// Reads the model: vocabulary, merges and options.
    static func model(_ field: TokenizerField) throws(TokenizerError) -> BytePairModel {
        guard try field.componentType() == "BPE" else {
            throw try field.unsupported("model", supported: ["BPE"])
        }
        if let dropout = field["dropout"], dropout.node.double != 0 {
            throw dropout.error(
                "Random merges (`dropout`) aren't supported: the same text must give the same ids.")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            guard let part = field[key], try part.string() != "" else { continue }
            throw part.error("`\(key)` isn't supported by the byte-level tokenizer: it must be null.")
        }
        if let fallback = field["byte_fallback"], try fallback.bool() {
            throw fallback.error(
                "`byte_fallback` isn't supported by the byte-level tokenizer: it must be false.")
        }
        let vocabulary = try vocabulary(field.required("vocab"))
        return BytePairModel(
            vocabulary: vocabulary, merges: try merges(field.required("merges"), vocabulary),
            ignoresMerges: try field.flag("ignore_merges", default: false),
            unknownId: try unknownId(field["unk_token"], vocabulary),
            fusesUnknown: try field.flag("fuse_unk", default: false))
    }

    private static func vocabulary(_ field: TokenizerField) throws(TokenizerError) -> Vocabulary {
        let members = try field.members()
        var ids: [Int] = []
        ids.reserveCapacity(members.count)
        for (token, value) in members {
            let id = try value.tokenId()
            guard id < Vocabulary.idLimit else {
                throw value.error(
                    "The id \(id) of `\(token)` is too large: ids are below \(Vocabulary.idLimit).")
            }
            ids.append(id)
        }
        var vocabulary = Vocabulary(capacity: members.count, largestId: ids.max() ?? 0)
        for ((token, value), id) in zip(members, ids) where !vocabulary.insert(token, id: id) {
            let owner = vocabulary.token(id) ?? ""
            throw value.error(
                "The id \(id) of `\(token)` belongs to `\(owner)` already: every token needs its own.")
        }
        return vocabulary
    }

    private static func unknownId(
        _ field: TokenizerField?, _ vocabulary: Vocabulary
    ) throws(TokenizerError) -> Int32? {
        guard let field else { return nil }
        let token = try field.string()
        if let id = vocabulary.id(of: token) { return id }
        // The token is missing, but text can only need it if some byte has no token.
        for byte in UInt8.min...UInt8.max {
            let name = ByteAlphabet.token(of: CollectionOfOne(byte))
            if vocabulary.id(of: name) == nil {
                throw field.error(
                    "The unknown token `\(token)` isn't in the vocabulary, and neither is `\(name)`, which needs it."
                )
            }
        }
        return nil
    }

    private static func merges(
        _ field: TokenizerField, _ vocabulary: Vocabulary
    ) throws(TokenizerError) -> MergeTable {
        let elements = try field.elements()
        var table = MergeTable(capacity: elements.count)
        var rank: UInt32 = 0
        for element in elements {
            guard let (left, right) = try pair(element) else { continue }
            func id(_ token: String) throws(TokenizerError) -> Int32 {
                guard let id = vocabulary.id(of: token) else {
                    throw element.error(
                        "The merge of `\(left)` and `\(right)` needs the token `\(token)`, which isn't in the "
                            + "vocabulary.")
                }
                return id
            }
            let merge = MergeTable.Merge(rank: rank, id: try id(left + right))
            table.insert(try id(left), try id(right), merge)
            rank += 1
        }
        return table
    }

    /// The two tokens of a merge, which older files write as one string; nil for a line that only names a version.
    static func pair(
        _ element: TokenizerField
    ) throws(TokenizerError) -> (left: String, right: String)? {
        if let text = element.node.string {
            if text.utf8.starts(with: "#version".utf8) { return nil }
            // Scalars, not characters: a space and an accent would be one.
            let parts = text.unicodeScalars.split(separator: " ", omittingEmptySubsequences: false)
            if parts.count == 2 { return (String(parts[0]), String(parts[1])) }
        } else if let parts = element.node.array, parts.count == 2, let left = parts[0].string,
            let right = parts[1].string
        {
            return (left, right)
        }
        throw element.error(
            "A merge is two tokens: an array of two strings, or one string with a space between.")
    }
}
