package import JSON

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
