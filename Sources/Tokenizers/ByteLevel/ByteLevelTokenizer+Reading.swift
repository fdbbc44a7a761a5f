internal import Documents
internal import Files
public import JSON
package import SystemPackage

extension ByteLevelTokenizer {
    /// Reads a `tokenizer.json` with a byte-level BPE model.
    ///
    /// Every component must be one that this tokenizer carries out exactly; any other is refused by its JSON path and
    /// name, because leaving it out would give other ids without a word.
    /// - Parameters:
    ///   - tokenizer: the contents of `tokenizer.json`.
    ///   - configuration: the contents of `tokenizer_config.json`, which names the tokens with a role and may add
    ///     tokens. Without it `<|endoftext|>` and `<|mask|>` play the roles of their names if they are special tokens.
    /// - Throws: `TokenizerError`.
    public convenience init(
        tokenizer: JSONDocument, configuration: JSONDocument?
    ) throws(TokenizerError) {
        let root = TokenizerField(root: tokenizer)
        // `truncation` and `padding` are what a training left behind: transformers resets both for each text.
        let model = try Self.model(root.required("model"))
        var added = AddedTokenReader(model.vocabulary)
        for token in try root["added_tokens"]?.elements() ?? [] { try added.add(token) }
        var roles = TokenRoles()
        if let configuration {
            roles = try added.readConfiguration(TokenizerField(root: configuration))
        } else {
            let standard = SpecialTokens.standard
            let special = Set(added.tokens.lazy.filter(\.isSpecial).map { Array($0.content.utf8) })
            for (role, token) in [(TokenRoles.Role.end, standard.endOfText), (.mask, standard.mask)] {
                if let token, special.contains(Array(token.utf8)) { roles[role] = token }
            }
        }
        let postProcessor = try Self.postProcessor(root["post_processor"])
        self.init(
            Parts(
                model: model, added: added.tokens, normalizers: try Self.normalizers(root["normalizer"]),
                preTokenizer: try Self.preTokenizer(root.required("pre_tokenizer")),
                templates: postProcessor.templates, rangeTrims: postProcessor.trims,
                decodesBytes: try Self.decodesBytes(root["decoder"]),
                cleansUpSpaces: try SpaceCleanup.isWanted(configuration), roles: roles))
    }

    private static func normalizers(_ field: TokenizerField?) throws(TokenizerError) -> [UnicodeNormalizer] {
        var result: [UnicodeNormalizer] = []
        for part in try field?.components("normalizers") ?? [] {
            guard let form = UnicodeForm(rawValue: try part.componentType()) else {
                throw try part.unsupported(
                    "normalizer", supported: UnicodeForm.allCases.map(\.rawValue) + ["Sequence"])
            }
            result.append(UnicodeNormalizer(form: form))
        }
        return result
    }

    private static func decodesBytes(_ field: TokenizerField?) throws(TokenizerError) -> Bool {
        guard let field else { return false }
        let parts = try field.components("decoders")
        for part in parts where try part.componentType() != "ByteLevel" {
            throw try part.unsupported("decoder", supported: ["ByteLevel", "Sequence"])
        }
        // Decoding bytes twice would take characters for bytes.
        guard parts.count == 1 else {
            throw field.error("Exactly one decoder `ByteLevel` is expected here, not \(parts.count).")
        }
        return true
    }

    /// Reads `tokenizer.json` and, if it is there, `tokenizer_config.json` from a folder.
    ///
    /// - Throws: `FileError`, `JSONSyntaxError`, or `TokenizerError` for what this tokenizer doesn't support.
    package convenience init(folder: FilePath) throws {
        func document(_ name: String) throws -> JSONDocument {
            let path = folder.appending(name)
            return try JSONDocument(parsing: FileSystem.read(path), name: path.string)
        }
        let configuration = folder.appending("tokenizer_config.json")
        try self.init(
            tokenizer: document("tokenizer.json"),
            configuration: FileSystem.exists(configuration) ? document("tokenizer_config.json") : nil)
    }

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

    /// Reads the pre-tokenizer, which must end in `ByteLevel`.
    static func preTokenizer(_ field: TokenizerField) throws(TokenizerError) -> PreTokenizer {
        let components = try field.components("pretokenizers")
        var steps: [PreTokenizer.Step] = []
        for (index, component) in components.enumerated() {
            let isLast = index == components.count - 1
            switch try component.componentType() {
            case "ByteLevel":
                guard isLast else {
                    throw component.error(
                        "`ByteLevel` must come last: what follows would see bytes, not text.")
                }
                if try component.flag("add_prefix_space") { steps.append(.prefixSpace) }
                if try component.flag("use_regex", default: true) {
                    steps.append(try split(PreTokenizer.standardPattern, component))
                }
            case "Split": steps.append(try split(component))
            case "Digits":
                steps.append(
                    try split(component.flag("individual_digits") ? #"\p{N}"# : #"\p{N}+"#, component))
            default:
                throw try component.unsupported(
                    "pre-tokenizer", supported: ["ByteLevel", "Digits", "Sequence", "Split"])
            }
            if isLast, try component.componentType() != "ByteLevel" {
                throw component.error(
                    "The last pre-tokenizer must be `ByteLevel`; only byte-level models are supported.")
            }
        }
        guard !components.isEmpty else { throw field.error("A pre-tokenizer `ByteLevel` is expected here.") }
        return PreTokenizer(steps: steps)
    }

    private static func split(_ field: TokenizerField) throws(TokenizerError) -> PreTokenizer.Step {
        let pattern = try field.required("pattern")
        let behaviorField = try field.required("behavior")
        guard let behavior = SplitBehavior(rawValue: try behaviorField.string()) else {
            let legal = SplitBehavior.allCases.map(\.rawValue).joined(separator: ", ")
            throw behaviorField.error(
                "`\(try behaviorField.string())` is no behavior of a split; legal are \(legal).")
        }
        let compiled: SplitPattern
        if let expression = pattern["Regex"] {
            compiled = try compile(expression) { text throws(SplitPattern.SyntaxError) in
                try SplitPattern(text, at: expression.place)
            }
        } else if let literal = pattern["String"] {
            compiled = try compile(literal) { text throws(SplitPattern.SyntaxError) in
                try SplitPattern(literal: text, at: literal.place)
            }
        } else {
            throw pattern.error("A pattern is an object with `Regex` or `String`.")
        }
        return .split(compiled, behavior, inverted: try field.flag("invert"))
    }

    private static func compile(
        _ field: TokenizerField, _ make: (String) throws(SplitPattern.SyntaxError) -> SplitPattern
    ) throws(TokenizerError) -> SplitPattern {
        let text = try field.string()
        do throws(SplitPattern.SyntaxError) { return try make(text) } catch {
            throw field.error("The regular expression `\(text)` can't be read: \(error.reason).")
        }
    }

    /// A split at a pattern of this project's own.
    private static func split(
        _ pattern: String, _ field: TokenizerField
    ) throws(TokenizerError) -> PreTokenizer.Step {
        do throws(SplitPattern.SyntaxError) {
            return .split(try SplitPattern(pattern, at: field.place), .isolated, inverted: false)
        } catch {
            throw field.error("The regular expression `\(pattern)` can't be read: \(error.reason).")
        }
    }

    /// Reads the post-processor: templates and trimmed ranges, each in order.
    static func postProcessor(
        _ field: TokenizerField?
    ) throws(TokenizerError) -> (templates: [SpecialTokenTemplate], trims: [RangeTrim]) {
        var templates: [SpecialTokenTemplate] = []
        var trims: [RangeTrim] = []
        var growth: SpecialTokenTemplate.Growth = (1, 0)
        for component in try field?.components("processors") ?? [] {
            switch try component.componentType() {
            case "ByteLevel":
                if try component.flag("trim_offsets") {
                    trims.append(RangeTrim(addsPrefixSpace: try component.flag("add_prefix_space")))
                }
            case "TemplateProcessing":
                templates.append(try template(component))
                growth = templates[templates.count - 1].growth(of: growth)
                try check(growth, component)
            default:
                throw try component.unsupported(
                    "post-processor", supported: ["ByteLevel", "Sequence", "TemplateProcessing"])
            }
        }
        return (templates, trims)
    }

    /// Refuses templates that make too much of a text.
    private static func check(
        _ growth: SpecialTokenTemplate.Growth, _ field: TokenizerField
    ) throws(TokenizerError) {
        guard growth.texts <= SpecialTokenTemplate.mostTexts,
            growth.special <= SpecialTokenTemplate.mostSpecial
        else {
            throw field.error(
                "Templates may repeat a text up to \(SpecialTokenTemplate.mostTexts) times and put up to \(SpecialTokenTemplate.mostSpecial) special tokens around it, all together."
            )
        }
    }

    /// Reads the template for a single text; the one for pairs is never used here.
    private static func template(_ field: TokenizerField) throws(TokenizerError) -> SpecialTokenTemplate {
        let special = try field.required("special_tokens")
        var pieces: [SpecialTokenTemplate.Piece] = []
        var own: SpecialTokenTemplate.Growth = (0, 0)
        for piece in try field.required("single").elements() {
            if let sequence = piece["Sequence"] {
                let id = try sequence.required("id")
                guard try id.string() == "A" else {
                    throw id.error("The template of a single text can only have the sequence `A`.")
                }
                pieces.append(.text)
                own.texts += 1
            } else if let token = piece["SpecialToken"] {
                let name = try token.required("id")
                guard let entry = special[try name.string()] else {
                    throw name.error("`\(try name.string())` isn't among the template's `special_tokens`.")
                }
                // Before they are read: the same list may stand behind each of many pieces.
                let listed = try entry.required("ids").elements()
                own.special += listed.count
                try check(own, field)
                var ids: [Int] = []
                for id in listed { ids.append(try id.tokenId()) }
                pieces.append(.special(ids))
            } else {
                throw piece.error("A piece of a template is an object with `Sequence` or `SpecialToken`.")
            }
            try check(own, field)
        }
        return SpecialTokenTemplate(pieces: pieces)
    }
}
