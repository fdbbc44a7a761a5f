package import JSON

extension Configuration {
    /// For programs, what ``listing(of:)`` says: the values at and below a path with all that sets them.
    ///
    /// - Throws: `UnknownPathError` for a path to nothing that the configuration has or could have.
    package func explanationValue(of text: String) throws(UnknownPathError) -> JSONValue {
        [
            "path": .string(text), "files": .array(files.map(JSONValue.string)),
            "values": .array(try explanations(of: text).map(\.value)),
        ]
    }
}

extension ValueExplanation {
    /// `entries` are the places that set the value, the weakest first; the last one holds.
    fileprivate var value: JSONValue {
        [
            "path": .string(path), "expectation": expectation.map(JSONValue.string) ?? .null,
            "summary": summary.map(JSONValue.string) ?? .null, "value": holding?.value ?? .null,
            "entries": .array(
                entries.map { entry in
                    [
                        "place": .string(entry.place), "value": entry.value ?? .null,
                        "gone": .bool(entry.value == nil), "note": entry.note.map(JSONValue.string) ?? .null,
                    ]
                }),
        ]
    }
}
