internal import Documents
public import JSON

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
}
