internal import Documents
internal import JSON

extension ByteLevelTokenizer {
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
