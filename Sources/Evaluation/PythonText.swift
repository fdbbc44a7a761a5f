internal import JSON

/// Text as the reference graders see it: an array of code points.
///
/// They are written in Python, where a position is a code point, `é` and e with a combining accent differ, and a
/// carriage return and a line feed are two things. Swift's characters are none of that, so the graders work on
/// this type and give strings back.
struct CodePoints: Sendable, Hashable, ExpressibleByStringLiteral {
    var scalars: [Unicode.Scalar]

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    init(_ scalars: some Sequence<Unicode.Scalar>) { self.scalars = Array(scalars) }

    init(stringLiteral text: String) { self.init(text) }

    var string: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    var count: Int { scalars.count }
    var isEmpty: Bool { scalars.isEmpty }

    subscript(index: Int) -> Unicode.Scalar { scalars[index] }

    subscript(range: Range<Int>) -> CodePoints { CodePoints(scalars[range]) }

    /// The code points from `start` on; none when it lies beyond the end.
    func suffix(from start: Int) -> CodePoints { CodePoints(scalars.dropFirst(start)) }

    static func + (a: CodePoints, b: CodePoints) -> CodePoints { CodePoints(a.scalars + b.scalars) }

    static func += (a: inout CodePoints, b: CodePoints) { a.scalars += b.scalars }
}

extension CodePoints {
    /// Whether `text` stands at `index`.
    func has(_ text: CodePoints, at index: Int) -> Bool {
        index + text.count <= count && scalars[index..<(index + text.count)].elementsEqual(text.scalars)
    }

    func hasPrefix(_ prefix: CodePoints) -> Bool { has(prefix, at: 0) }

    /// Where `text`, which isn't empty, stands first at or behind `start`.
    func firstIndex(of text: CodePoints, from start: Int = 0) -> Int? {
        guard let first = text.scalars.first, start <= count - text.count else { return nil }
        return (start...(count - text.count)).first { scalars[$0] == first && has(text, at: $0) }
    }

    /// Where `text`, which isn't empty, stands last.
    func lastIndex(of text: CodePoints) -> Int? {
        guard !text.isEmpty, text.count <= count else { return nil }
        return (0...(count - text.count)).last { has(text, at: $0) }
    }

    func contains(_ text: CodePoints) -> Bool { firstIndex(of: text) != nil }

    /// The parts between the occurrences of `separator`, which isn't empty; always at least one.
    func split(by separator: CodePoints) -> [CodePoints] {
        var parts: [CodePoints] = []
        var start = 0
        while let next = firstIndex(of: separator, from: start) {
            parts.append(self[start..<next])
            start = next + separator.count
        }
        return parts + [suffix(from: start)]
    }

    /// What stands before the first `separator`, or all of it.
    func prefix(before separator: CodePoints) -> CodePoints {
        firstIndex(of: separator).map { self[0..<$0] } ?? self
    }

    /// Every occurrence of `text`, from left to right, replaced.
    func replacing(_ text: CodePoints, with replacement: CodePoints) -> CodePoints {
        guard contains(text) else { return self }
        return CodePoints(split(by: text).map(\.scalars).joined(separator: replacement.scalars))
    }

    /// Every occurrence of `text`, from left to right, removed.
    func removing(_ text: CodePoints) -> CodePoints { replacing(text, with: "") }

    /// The first code point at or behind `start` that fulfils a condition, or the end.
    func end(from start: Int, while condition: (Unicode.Scalar) -> Bool) -> Int {
        scalars[start...].firstIndex { !condition($0) } ?? count
    }
}

/// Python's ideas of white space, digits and case.
extension Unicode.Scalar {
    /// `str.isspace`, which is also `\s` of `re`.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
            0x3000:
            true
        default: false
        }
    }

    /// `str.isdecimal`: a digit of any script that counts in tens.
    var isPythonDecimal: Bool { properties.numericType == .decimal }

    /// `str.isdigit`: superscripts and the like too.
    var isPythonDigit: Bool { isPythonDecimal || properties.numericType == .digit }

    /// `\w` of `re`.
    var isPythonWord: Bool {
        if self == "_" || properties.numericType != nil { return true }
        return switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    /// `[0-9]`.
    var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}

extension CodePoints {
    /// `str.strip()`.
    func stripped() -> CodePoints {
        guard let first = scalars.firstIndex(where: { !$0.isPythonSpace }),
            let last = scalars.lastIndex(where: { !$0.isPythonSpace })
        else { return "" }
        return self[first..<(last + 1)]
    }

    /// `str.lower()`.
    func lowercased() -> CodePoints {
        var lower: [Unicode.Scalar] = []
        for (index, scalar) in scalars.enumerated() {
            if scalar == "Σ" {
                lower.append(isFinalSigma(at: index) ? "ς" : "σ")
            } else {
                lower += scalar.properties.lowercaseMapping.unicodeScalars
            }
        }
        return CodePoints(lower)
    }

    /// Whether the sigma ends a word: a letter with case before it and none behind it.
    private func isFinalSigma(at index: Int) -> Bool {
        let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
        let behind = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
        return before?.properties.isCased == true && behind?.properties.isCased != true
    }

    /// Whether `int()` reads it in base ten.
    var isPythonInteger: Bool {
        // Only white space beyond ASCII is taken for a space; the separators 1C to 1F, which `strip` removes, aren't.
        func isSpace(_ scalar: Unicode.Scalar) -> Bool {
            scalar.isPythonSpace && !(0x1C...0x1F).contains(scalar.value)
        }
        guard let first = scalars.firstIndex(where: { !isSpace($0) }),
            let last = scalars.lastIndex(where: { !isSpace($0) })
        else { return false }
        var digits = scalars[first...last]
        // not text: scalars
        if digits.first == "+" || digits.first == "-" { digits.removeFirst() }
        var count = 0
        var canGoOn = false
        for scalar in digits {
            if scalar.isPythonDecimal {
                count += 1
                canGoOn = true
            } else if scalar == "_", canGoOn {
                canGoOn = false
            } else {
                return false
            }
        }
        // More digits than that are refused to keep the quadratic conversion short.
        return canGoOn && count <= 4300
    }
}

/// JSON values as Python would write them, numbers with all of their digits.
enum PythonLiteral {
    static func text(_ node: JSONNode) -> String {
        switch node.value {
        case .null: "None"
        case .bool(let bool): bool ? "True" : "False"
        case .number(let number):
            // Python's json reads these names, Python itself doesn't know them.
            switch number.text {
            case "NaN": "(1e999 - 1e999)"
            case "Infinity": "1e999"
            case "-Infinity": "-1e999"
            case let text: text
            }
        case .string(let string): text(string)
        case .array(let elements): "[\(elements.map { text($0) }.joined(separator: ", "))]"
        case .object(let members):
            "{\(members.map { "\(text($0.key)): \(text($0.value))" }.joined(separator: ", "))}"
        }
    }

    static func text(_ string: String) -> String { JSONValue.pythonQuoted(string) }
}
