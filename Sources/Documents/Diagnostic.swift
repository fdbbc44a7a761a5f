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
    /// What is wrong behind it, where other problems may come of the same: a name that several places give.
    ///
    /// Of problems with one cause the first is told.
    package let cause: String?
    /// Where else the same is wrong.
    package var alsoAt: [String] = []

    package init(at origin: Origin, _ message: String, hint: String? = nil, cause: String? = nil) {
        let (line, column) = origin.source.position(of: origin.range.lowerBound)
        self.file = origin.source.name
        self.line = line
        self.column = column
        self.message = message
        self.excerpt = origin.source.excerpt(at: origin.range.lowerBound)
        self.hint = hint
        self.use = Self.use(origin.uses)
        self.cause = cause
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
        self.cause = nil
    }

    /// "12:51", with the file where it is another than that of the problem that is told.
    package func place(besides file: String) -> String {
        self.file == file ? "\(line):\(column)" : "\(self.file):\(line):\(column)"
    }

    private var others: String? {
        guard !alsoAt.isEmpty else { return nil }
        let more = alsoAt.count - Self.placeLimit
        return "The same at \(alsoAt.prefix(Self.placeLimit).joined(separator: ", "))"
            + (more > 0 ? " and \(more) more places." : ".")
    }

    /// So many places are named.
    private static let placeLimit = 8

    package var description: String {
        (["\(file.visible):\(line):\(column): \(message.visible)", excerpt]
            + [hint, use, others].compactMap { $0?.visible })
            .joined(separator: "\n")
    }
}

extension Diagnostic {
    /// For programs: place, what is wrong, and as notes what would be right and where a variable is used.
    package var value: JSONValue {
        [
            "file": .string(file), "line": .integer(line), "column": .integer(column),
            "message": .string(message),
            "notes": .array([hint, use, others].compactMap { $0 }.map(JSONValue.string)),
        ]
    }
}
