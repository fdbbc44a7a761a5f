internal import Base

/// The stages of an experiment as other stages see them, known before any of them is read.
struct StageDirectory {
    struct Entry {
        let name: String
        /// Nil when the stage's kind is unknown, which has been reported.
        let kind: (any StageKind.Type)?
        /// Full names: `curve`, or `curve[threshold=0.1]` for each point of a matrix.
        let variants: [String]
    }

    let entries: [Entry]

    subscript(name: String) -> Entry? { entries.first { $0.name == name } }

    /// Splits `@stage.part` or `@stage[variant].part`; nil without the @.
    static func split(_ text: String) -> (stage: String, variant: String?, part: String?)? {
        guard let body = text.byteText.dropping(prefix: "@") else { return nil }
        let stage = String(body.text.unicodeScalars.prefix { $0 != "." && $0 != "[" })
        var rest = Substring(body.bytes.dropFirst(stage.utf8.count)).byteText
        var variant: String?
        if rest.hasPrefix("["), let (inside, behind) = rest.cut(atLast: "]") {
            variant = stage + inside.text + "]"
            rest = behind
        }
        guard !rest.isEmpty else { return (stage, variant, nil) }
        return rest.dropping(prefix: ".").map { (stage, variant, $0.text) }
    }
}
