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
        guard text.first == "@" else { return nil }
        let body = text.dropFirst()
        let stageEnd = body.firstIndex { $0 == "." || $0 == "[" } ?? body.endIndex
        let stage = String(body[..<stageEnd])
        var rest = body[stageEnd...]
        var variant: String?
        if rest.first == "[", let close = rest.lastIndex(of: "]") {
            variant = stage + rest[...close]
            rest = rest[rest.index(after: close)...]
        }
        guard let dot = rest.first else { return (stage, variant, nil) }
        return dot == "." ? (stage, variant, String(rest.dropFirst())) : nil
    }
}
