/// Where GSM8K's filters look for the answer in a response (lm-evaluation-harness, `RegexFilter`).
package enum AnswerPattern: String, Sendable, Hashable, CaseIterable {
    /// The first number after "The answer is", which a zero-shot model has no reason to write.
    case theAnswerIs = #"The answer is (\-?[0-9\.\,]+)."#
    /// The first number after "#### ".
    case fourHashes = #"#### (\-?[0-9\.\,]+)"#
    /// The last number, whatever stands around it.
    case lastNumber = #"(-?[$0-9.,]{2,})|(-?[0-9]+)"#

    /// What a filter gives when it finds nothing.
    package static let invalid = "[invalid]"

    /// The regular expression of the upstream task.
    package var expression: String { rawValue }

    /// The text of the answer, or ``invalid``.
    package func extract(from response: String) -> String {
        let text = CodePoints(response)
        let found =
            switch self {
            case .theAnswerIs: Self.firstNumber(in: text, after: "The answer is ", needsMore: true)
            case .fourHashes: Self.firstNumber(in: text, after: "#### ", needsMore: false)
            case .lastNumber: Self.lastNumber(in: text)
            }
        return found?.string ?? Self.invalid
    }

    /// The first number that follows `marker`.
    ///
    /// - Parameter needsMore: The expression ends in a dot that isn't escaped: one more code point has to follow
    ///   the number on its line, and where there is none the number gives up its own last one.
    private static func firstNumber(
        in text: CodePoints, after marker: CodePoints, needsMore: Bool
    ) -> CodePoints? {
        var from = 0
        while let found = text.firstIndex(of: marker, from: from) {
            let start = found + marker.count
            let digits = start < text.count && text[start] == "-" ? start + 1 : start
            var end = text.end(from: digits) { isNumeric($0) }
            if needsMore, end == text.count || text[end] == "\n" { end -= 1 }
            if end > digits { return text[start..<end] }
            from = found + 1
        }
        return nil
    }

    private static func lastNumber(in text: CodePoints) -> CodePoints? {
        var last: CodePoints?
        var index = 0
        while index < text.count {
            let digits = text[index] == "-" ? index + 1 : index
            let long = text.end(from: digits) { isNumeric($0) || $0 == "$" }
            let short = text.end(from: digits) { $0.isASCIIDigit }
            // A run of two or more may hold signs and points, a single one must be a digit.
            let end = long - digits >= 2 ? long : short
            if end > digits {
                last = text[index..<end]
                index = end
            } else {
                index += 1
            }
        }
        return last
    }

    private static func isNumeric(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCIIDigit || scalar == "." || scalar == ","
    }
}
