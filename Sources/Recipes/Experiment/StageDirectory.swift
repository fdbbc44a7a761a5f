internal import Base

/// The stages of an experiment as other stages see them, known before any of them is read.
package struct StageDirectory {
    package struct Entry {
        package let name: String
        /// Nil when the stage's kind is unknown, which has been reported.
        package let kind: (any StageDescription.Type)?
        /// Full names: `curve`, or `curve[threshold=0.1]` for each point of a matrix.
        package let variants: [String]

        package init(name: String, kind: (any StageDescription.Type)?, variants: [String]) {
            self.name = name
            self.kind = kind
            self.variants = variants
        }
    }

    package let entries: [Entry]

    package init(entries: [Entry]) {
        self.entries = entries
    }

    package subscript(name: String) -> Entry? { entries.first { $0.name == name } }

    /// Splits `@stage.part` or `@stage[variant].part`; nil without the @.
    package static func split(_ text: String) -> (stage: String, variant: String?, part: String?)? {
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
