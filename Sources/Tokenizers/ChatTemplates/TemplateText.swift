/// The text of a template, as the scalars that places in it count.
struct TemplateText: Sendable {
    /// The scalars, every line break a single one, without a line break at the end.
    let scalars: [Unicode.Scalar]
    /// What errors call the template.
    let name: String

    init(_ source: String, name: String) {
        self.name = name
        var scalars: [Unicode.Scalar] = []
        var previous: Unicode.Scalar?
        for scalar in source.unicodeScalars {
            if scalar == "\r" {
                scalars.append("\n")
            } else if scalar != "\n" || previous != "\r" {
                scalars.append(scalar)
            }
            previous = scalar
        }
        if scalars.last == "\n" { scalars.removeLast() }
        self.scalars = scalars
    }

    /// An error at a place.
    func error(at place: Int, _ message: String) -> ChatTemplateError {
        let before = scalars[..<min(place, scalars.count)]
        let line = before.count { $0 == "\n" } + 1
        let column = before.count - (before.lastIndex(of: "\n").map { $0 + 1 } ?? 0) + 1
        return ChatTemplateError(location: "\(name):\(line):\(column)", message: message)
    }

    /// The text of a range.
    func string(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(scalars[range])) }

    /// Whether exactly `text` stands at `place`.
    func has(_ text: StaticString, at place: Int) -> Bool {
        text.withUTF8Buffer { bytes in
            place + bytes.count <= scalars.count
                && zip(bytes, scalars[place...]).allSatisfy { UInt32($0) == $1.value }
        }
    }
}

extension Unicode.Scalar {
    /// Whether Python's `str.isspace` holds.
    var isPythonSpace: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }
}
