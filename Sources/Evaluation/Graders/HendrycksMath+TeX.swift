/// The rewritings that follow TeX's rule that an argument without braces is one character.
extension HendrycksMath {
    /// Cuts the text at `\text{ `, which stands before units only.
    static func removingUnit(_ text: CodePoints) throws(UpstreamException) -> CodePoints {
        let parts = text.split(by: #"\text{ "#)
        guard parts.count <= 2 else { throw UpstreamException("AssertionError", "the answer has two units") }
        return parts[0]
    }

    /// `\sqrt3` becomes `\sqrt{3}`.
    static func bracingRoots(_ text: CodePoints) throws(UpstreamException) -> CodePoints {
        let parts = text.split(by: #"\sqrt"#)
        var result = parts[0]
        for part in parts.dropFirst() {
            let first = try firstCharacter(of: part, after: #"\sqrt"#)
            result += #"\sqrt"#
            result += first == "{" ? part : "{" + CodePoints([first]) + "}" + part.suffix(from: 1)
        }
        return result
    }

    /// `\frac12` becomes `\frac{1}{2}` and `\frac1{72}` becomes `\frac{1}{72}`.
    ///
    /// A fraction with a single argument leaves the whole text as it is.
    static func bracingFractions(_ text: CodePoints) throws(UpstreamException) -> CodePoints {
        let parts = text.split(by: #"\frac"#)
        var result = parts[0]
        for part in parts.dropFirst() {
            let first = try firstCharacter(of: part, after: #"\frac"#)
            result += #"\frac"#
            if first == "{" {
                result += part
                continue
            }
            guard part.count >= 2 else { return text }
            result += "{" + CodePoints([first]) + "}"
            result += part[1] == "{" ? "{" : "{" + part[1..<2] + "}"
            result += part.suffix(from: 2)
        }
        return result
    }

    /// `1/2` becomes `\frac{1}{2}`; numbers that aren't spelled the usual way stay.
    static func writingSlashAsFraction(_ text: CodePoints) throws(UpstreamException) -> CodePoints {
        let parts = text.split(by: "/")
        guard parts.count == 2 else { return text }
        for part in parts where !part.isPythonInteger {
            throw UpstreamException("ValueError", "\"\(part.string)\" beside a slash is no whole number")
        }
        guard parts.allSatisfy(isPlainInteger) else { return text }
        return #"\frac{"# + parts[0] + "}{" + parts[1] + "}"
    }

    /// Whether the number is spelled as it would be printed.
    private static func isPlainInteger(_ text: CodePoints) -> Bool {
        let digits = text.scalars.first == "-" ? text.suffix(from: 1) : text
        guard digits.scalars.allSatisfy(\.isASCIIDigit) else { return false }
        return digits[0] != "0" || text == "0"
    }

    private static func firstCharacter(
        of part: CodePoints, after command: String
    ) throws(UpstreamException) -> Unicode.Scalar {
        guard let first = part.scalars.first else {
            throw UpstreamException("IndexError", "nothing follows \(command)")
        }
        return first
    }
}
