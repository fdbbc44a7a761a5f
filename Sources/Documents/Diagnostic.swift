internal import Base
package import JSON

/// One thing that is wrong in a configuration, where it stands, and what would be right.
package struct Diagnostic: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file; for an override its flag, as in `--set`.
    package let file: String
    /// The line, from 1.
    package let line: Int
    /// The column, from 1, in characters.
    package let column: Int
    /// What is wrong, as a sentence.
    package let message: String
    /// The offending line with a caret below the offending character.
    package let excerpt: String
    /// What would be right: the nearest name, the legal values.
    package let hint: String?
    /// Where the value is used, if it was written for a variable.
    package let use: String?

    package init(at origin: Origin, _ message: String, hint: String? = nil) {
        let (line, column) = origin.source.position(of: origin.range.lowerBound)
        self.file = origin.source.name
        self.line = line
        self.column = column
        self.message = message
        self.excerpt = origin.source.excerpt(at: origin.range.lowerBound)
        self.hint = hint
        self.use = Self.use(origin.uses)
    }

    private static func use(_ uses: [Origin]) -> String? {
        guard !uses.isEmpty else { return nil }
        return "The value is used at \(uses.map(\.place).joined(separator: ", and that at "))."
    }

    package init(_ error: JSONSyntaxError, hint: String? = nil) {
        self.file = error.name
        self.line = error.line
        self.column = error.column
        self.message = error.message
        self.excerpt = error.excerpt
        self.hint = hint
        self.use = nil
    }

    package var description: String {
        (["\(file.visible):\(line):\(column): \(message.visible)", excerpt]
            + [hint, use].compactMap { $0?.visible })
            .joined(separator: "\n")
    }
}

extension Diagnostic {
    /// For programs: place, what is wrong, and as notes what would be right and where a variable is used.
    package var value: JSONValue {
        [
            "file": .string(file), "line": .integer(line), "column": .integer(column),
            "message": .string(message),
            "notes": .array([hint, use].compactMap { $0 }.map(JSONValue.string)),
        ]
    }
}
