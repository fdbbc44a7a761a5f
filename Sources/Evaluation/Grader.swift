/// What a grader found in a response.
package enum Verdict: Sendable, Hashable {
    /// The number after the last marker is the answer.
    case correct
    /// The number after the last marker is another one.
    case wrong(found: String)
    /// There is a marker, but no number follows it.
    case noNumber
    /// There is no marker.
    case noMarker

    /// Whether the response counts as right.
    package var isCorrect: Bool { self == .correct }
}

/// Grades responses that end in `#### <number>`.
package struct Grader: Sendable, Hashable {
    /// What stands before the answer.
    package let marker: String
    /// The text from which on a response is ignored, as the tokenizer writes it.
    package let endOfText: String

    /// A grader for the marker and end-of-text token of this project's generated tasks.
    package init(marker: String = "####", endOfText: String = "<|endoftext|>") {
        precondition(!marker.isEmpty && !endOfText.isEmpty, "neither the marker nor the end of text is empty")
        self.marker = marker
        self.endOfText = endOfText
    }

    /// Compares the number after the last marker before the end of text with `answer`.
    ///
    /// The number is the run of ASCII digits that follows the marker at once or after white space; white space
    /// between digits is dropped, because a tokenizer that splits digits joins them with spaces. The digits must be
    /// those of the answer: a leading zero makes a response wrong, what follows the number doesn't.
    package func grade(_ response: String, answer: Int) -> Verdict {
        let bytes = Array(response.utf8)
        let end = bytes.firstRange(of: endOfText.utf8)?.lowerBound ?? bytes.count
        guard let start = bytes[..<end].lastRange(of: Array(marker.utf8))?.upperBound else {
            return .noMarker
        }
        var digits: [UInt8] = []
        for byte in bytes[start..<end] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits.append(byte)
            case UInt8(ascii: " "), 0x09...0x0D: continue
            default: return verdict(digits, answer: answer)
            }
        }
        return verdict(digits, answer: answer)
    }

    private func verdict(_ digits: [UInt8], answer: Int) -> Verdict {
        guard !digits.isEmpty else { return .noNumber }
        let found = String(decoding: digits, as: UTF8.self)
        return found == String(answer) ? .correct : .wrong(found: found)
    }
}

extension ArraySlice<UInt8> {
    /// Where `pattern` occurs last.
    fileprivate func lastRange(of pattern: [UInt8]) -> Range<Int>? {
        guard pattern.count <= count else { return nil }
        for start in stride(from: endIndex - pattern.count, through: startIndex, by: -1)
        where self[start..<(start + pattern.count)].elementsEqual(pattern) {
            return start..<(start + pattern.count)
        }
        return nil
    }
}
