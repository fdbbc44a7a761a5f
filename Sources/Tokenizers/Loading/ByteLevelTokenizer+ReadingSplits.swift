internal import Documents
internal import JSON

extension ByteLevelTokenizer {
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
}
