internal import Base

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

/// A piece of a template.
struct TemplateToken: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        /// Text that is written as it is.
        case text(String)
        /// `{{` and `}}`.
        case outputBegin, outputEnd
        /// `{%` and `%}`.
        case statementBegin, statementEnd
        case name(String)
        case string(String)
        case integer(Int)
        case double(Double)
        /// Brackets, operators, commas.
        case symbol(String)
        case end
    }

    let kind: Kind
    /// Where it begins: an index of scalars.
    let place: Int
}

/// Cuts a template into text, tags and what stands in them.
///
/// White space around tags goes as Jinja's options `trim_blocks` and `lstrip_blocks` say, which Hugging Face's
/// libraries set: the line break after a statement or comment and the white space before it on its line are dropped;
/// `-` drops all white space, `+` none.
struct TemplateLexer {
    let text: TemplateText
    private var place = 0
    private var tokens: [TemplateToken] = []
    /// Whether what was read last ended with a line break, or nothing was read.
    private var startsLine = true

    private init(_ text: TemplateText) { self.text = text }

    /// All tokens of a template; the last one is its end.
    static func tokens(of text: TemplateText) throws(ChatTemplateError) -> [TemplateToken] {
        var lexer = TemplateLexer(text)
        while lexer.place < text.scalars.count { try lexer.next() }
        lexer.add(.end, at: lexer.place)
        return lexer.tokens
    }

    private mutating func add(_ kind: TemplateToken.Kind, at place: Int) {
        tokens.append(TemplateToken(kind: kind, place: place))
    }

    /// Reads text up to a tag, and the tag.
    private mutating func next() throws(ChatTemplateError) {
        let start = place
        while place < text.scalars.count, !isTag(place) { place += 1 }
        guard place < text.scalars.count else { return add(.text(text.string(start..<place)), at: start) }
        let tag = place
        let isOutput = text.has("{{", at: tag)
        place += 2
        let end = trimmedEnd(of: start..<tag, isOutput: isOutput)
        if end > start { add(.text(text.string(start..<end)), at: start) }
        if text.has("{#", at: tag) {
            let comment = place
            while place < text.scalars.count, !text.has("#}", at: place) { place += 1 }
            guard place < text.scalars.count else {
                throw text.error(at: tag, "This comment is never closed: `#}` is missing.")
            }
            return close(sign: place > comment ? text.scalars[place - 1] : " ", isOutput: false)
        }
        add(isOutput ? .outputBegin : .statementBegin, at: tag)
        try readInside(tag, isOutput: isOutput)
    }

    private func isTag(_ place: Int) -> Bool {
        text.has("{{", at: place) || text.has("{%", at: place) || text.has("{#", at: place)
    }

    /// Where the text before a tag ends when its white space is gone; steps over the tag's sign.
    private mutating func trimmedEnd(of range: Range<Int>, isOutput: Bool) -> Int {
        if text.has("-", at: place) {
            place += 1
            var end = range.upperBound
            while end > range.lowerBound, text.scalars[end - 1].isPythonSpace { end -= 1 }
            return end
        }
        if text.has("+", at: place) {
            place += 1
            return range.upperBound
        }
        guard !isOutput else { return range.upperBound }
        var end = range.upperBound
        while end > range.lowerBound, text.scalars[end - 1] != "\n" {
            guard text.scalars[end - 1].isPythonSpace else { return range.upperBound }
            end -= 1
        }
        return end > range.lowerBound || startsLine ? end : range.upperBound
    }

    /// Reads what stands in a tag, up to and including its end.
    private mutating func readInside(_ tag: Int, isOutput: Bool) throws(ChatTemplateError) {
        var depth = 0
        while true {
            while place < text.scalars.count, text.scalars[place].isPythonSpace { place += 1 }
            guard place < text.scalars.count else {
                throw text.error(at: tag, "This tag is never closed: `\(isOutput ? "}}" : "%}")` is missing.")
            }
            if depth == 0 {
                let hasSign = text.has("-", at: place) || (!isOutput && text.has("+", at: place))
                let end = hasSign ? place + 1 : place
                if isOutput ? text.has("}}", at: end) : text.has("%}", at: end) {
                    add(isOutput ? .outputEnd : .statementEnd, at: place)
                    let sign = text.scalars[place]
                    place = end
                    return close(sign: sign, isOutput: isOutput)
                }
            }
            let token = try expressionToken()
            if case .symbol(let symbol) = token.kind {
                if ["(", "[", "{"].contains(symbol) { depth += 1 }
                if [")", "]", "}"].contains(symbol) { depth -= 1 }
            }
            tokens.append(token)
        }
    }

    /// Steps over a tag's two last characters and the white space that goes with them.
    private mutating func close(sign: Unicode.Scalar, isOutput: Bool) {
        place += 2
        startsLine = false
        if sign == "-" {
            while place < text.scalars.count, text.scalars[place].isPythonSpace {
                startsLine = text.scalars[place] == "\n"
                place += 1
            }
        } else if !isOutput, sign != "+", text.has("\n", at: place) {
            place += 1
            startsLine = true
        }
    }

    // MARK: - Expressions

    private mutating func expressionToken() throws(ChatTemplateError) -> TemplateToken {
        let start = place
        let scalar = text.scalars[place]
        if scalar == "_" || scalar.properties.isXIDStart { return name(start) }
        if ("0"..."9").contains(scalar) { return try number(start) }
        if scalar == "'" || scalar == "\"" { return try string(start, quote: scalar) }
        for symbol in ["==", "!=", "<=", ">=", "//", "**"] where has(symbol) {
            place += 2
            return TemplateToken(kind: .symbol(symbol), place: start)
        }
        guard "+-*/%~<>()[]{}.,:|=".unicodeScalars.contains(scalar) else {
            throw text.error(at: start, "`\(scalar)` has no meaning here.")
        }
        place += 1
        return TemplateToken(kind: .symbol(String(scalar)), place: start)
    }

    private func has(_ symbol: String) -> Bool {
        text.scalars[place...].starts(with: symbol.unicodeScalars)
    }

    private mutating func name(_ start: Int) -> TemplateToken {
        while place < text.scalars.count,
            text.scalars[place] == "_" || text.scalars[place].properties.isXIDContinue
        {
            place += 1
        }
        return TemplateToken(kind: .name(text.string(start..<place)), place: start)
    }

    private mutating func digits() {
        while place < text.scalars.count,
            ("0"..."9").contains(text.scalars[place]) || text.scalars[place] == "_"
        {
            place += 1
        }
    }

    private mutating func number(_ start: Int) throws(ChatTemplateError) -> TemplateToken {
        digits()
        var isDouble = false
        if text.has(".", at: place), place + 1 < text.scalars.count,
            ("0"..."9").contains(text.scalars[place + 1])
        {
            isDouble = true
            place += 1
            digits()
        }
        if place < text.scalars.count, text.scalars[place] == "e" || text.scalars[place] == "E" {
            var end = place + 1
            if text.has("+", at: end) || text.has("-", at: end) { end += 1 }
            if end < text.scalars.count, ("0"..."9").contains(text.scalars[end]) {
                isDouble = true
                place = end
                digits()
            }
        }
        let written = text.string(start..<place).byteText.replacing("_", with: "").text
        if isDouble, let value = Double(written) {
            return TemplateToken(kind: .double(value), place: start)
        }
        guard !isDouble, let value = Int(written) else {
            throw text.error(at: start, "The number `\(written)` is out of range.")
        }
        return TemplateToken(kind: .integer(value), place: start)
    }

    private mutating func string(
        _ start: Int, quote: Unicode.Scalar
    ) throws(ChatTemplateError) -> TemplateToken {
        place += 1
        var value = String.UnicodeScalarView()
        while place < text.scalars.count {
            let scalar = text.scalars[place]
            place += 1
            if scalar == quote { return TemplateToken(kind: .string(String(value)), place: start) }
            guard scalar == "\\" else {
                value.append(scalar)
                continue
            }
            try escape(into: &value)
        }
        throw text.error(at: start, "This string is never closed: `\(quote)` is missing.")
    }

    /// Reads an escape behind its backslash, as Python does.
    private mutating func escape(into value: inout String.UnicodeScalarView) throws(ChatTemplateError) {
        guard place < text.scalars.count else { return }
        let scalar = text.scalars[place]
        place += 1
        let simple: [Unicode.Scalar: Unicode.Scalar] = [
            "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"", "b": "\u{8}", "f": "\u{C}",
            "v": "\u{B}", "a": "\u{7}", "0": "\0",
        ]
        if scalar == "\n" { return }
        if let plain = simple[scalar] { return value.append(plain) }
        if let width = ["x": 2, "u": 4, "U": 8][scalar] {
            let end = min(place + width, text.scalars.count)
            guard let code = UInt32(text.string(place..<end), radix: 16), end == place + width,
                let result = Unicode.Scalar(code)
            else {
                throw text.error(at: place - 2, "\(width) hexadecimal digits should follow `\\\(scalar)`.")
            }
            place = end
            return value.append(result)
        }
        // Python keeps the backslash of an escape that it doesn't know.
        value.append("\\")
        value.append(scalar)
    }
}
