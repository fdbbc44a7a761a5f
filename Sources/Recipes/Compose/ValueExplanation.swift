package import Base
package import JSON

/// Where a value of a configuration comes from: everything that sets it, the weakest first.
package struct ValueExplanation: Sendable {
    /// One place that sets the value, or takes it away.
    package struct Entry: Sendable {
        /// "default", a place in a file, "matrix at …", "--set".
        package let place: String
        /// Nil where the value is taken away.
        package let value: JSONValue?
        /// More about it: the variable that it comes from, why it is gone.
        package let note: String?
    }

    package let path: String
    /// What may stand there; nil where nothing is known.
    package let expectation: String?
    /// What the key means.
    package let summary: String?
    /// The places in order; the last one holds.
    package let entries: [Entry]

    /// The entry that holds.
    package var holding: Entry? { entries.last }

    /// All entries below one another for people, with a mark at the one that holds.
    package var text: String {
        var text = "\(path): \(expectation ?? "no key that a stage asks for")\n"
        if let summary { text += "\(summary)\n" }
        guard !entries.isEmpty else { return text + "\nNothing sets it, and it has no default.\n" }
        text += "\n"
        let width = entries.map(\.place.count).max() ?? 0
        for (index, entry) in entries.enumerated() {
            let mark = index == entries.count - 1 ? "*" : " "
            let padding = String(repeating: " ", count: width - entry.place.count)
            let parts = [entry.value?.oneLine, entry.note.map { entry.value == nil ? $0 : "(\($0))" }]
            text += "\(mark) \(entry.place)\(padding)  \(parts.compactMap { $0 }.joined(separator: "  "))\n"
        }
        return text
    }
}

/// A path that leads to nothing that a configuration has or could have.
package struct UnknownPathError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    package let description: String
}

extension JSONValue {
    /// The value on one line.
    package var oneLine: String {
        (try? compactBytes()).map { String(decoding: $0, as: UTF8.self) } ?? "?"
    }
}

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
