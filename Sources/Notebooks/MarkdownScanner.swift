/// Finds the HTML comments of a Markdown text that Markdown takes for comments.
///
/// What stands in code fences, in code spans or after a backslash is text to Markdown, so that documents can show
/// markers without meaning them.
struct MarkdownScanner {
    /// One comment.
    struct Comment {
        /// Bytes from `<!--` to `-->`.
        let range: Range<Int>
        /// What it says, without white space around it.
        let text: String
        /// Whether the end of the file came before `-->`.
        let isUnclosed: Bool
    }

    private let bytes: [UInt8]
    private var fence: (byte: UInt8, count: Int)?

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next comment at or after `start`, which is outside of code unless an earlier call left a fence open.
    mutating func next(from start: Int) -> Comment? {
        var i = start
        while i < bytes.count {
            if i == 0 || bytes[i - 1] == UInt8(ascii: "\n"), let after = lineOfFence(at: i) {
                i = after
                continue
            }
            switch bytes[i] {
            case UInt8(ascii: "\\"): i += 2
            case UInt8(ascii: "`"): i = endOfCodeSpan(at: i)
            case UInt8(ascii: "<"):
                if let comment = comment(at: i) { return comment }
                i += 1
            default: i += 1
            }
        }
        return nil
    }

    /// The next comment at or after `start`, wherever it stands: what a block holds is the renderer's.
    func nextInBlock(from start: Int) -> Comment? {
        (start..<max(start, bytes.count)).lazy.compactMap { comment(at: $0) }.first
    }

    private func comment(at start: Int) -> Comment? {
        let open = Array("<!--".utf8)
        let close = Array("-->".utf8)
        guard bytes[start...].starts(with: open) else { return nil }
        let inner = start + open.count
        var end = inner
        while end < bytes.count, !bytes[end...].starts(with: close) { end += 1 }
        let isUnclosed = end >= bytes.count
        // Of a comment that never ends, the first line is enough to say whose it is.
        let last = isUnclosed ? bytes[inner...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count : end
        let text = String(decoding: bytes[inner..<last], as: UTF8.self)
        return Comment(
            range: start..<(isUnclosed ? inner : end + close.count), text: text.trimmed,
            isUnclosed: isUnclosed)
    }

    /// The start of the next line if the one at `start` opens, closes or is inside of a code fence.
    private mutating func lineOfFence(at start: Int) -> Int? {
        let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        let line = bytes[start..<end].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        let mark = line.first ?? 0
        let count = line.prefix { $0 == mark }.count
        let rest = line.dropFirst(count)
        if let open = fence {
            let isBlank = rest.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }
            if mark == open.byte, count >= open.count, isBlank { fence = nil }
        } else if count >= 3, mark == UInt8(ascii: "~") || mark == UInt8(ascii: "`"),
            mark == UInt8(ascii: "~") || !rest.contains(mark)
        {
            fence = (mark, count)
        } else {
            return nil
        }
        return min(end + 1, bytes.count)
    }

    /// The end of the code span that begins at a backtick; where none closes it in the paragraph, of the backticks.
    private func endOfCodeSpan(at start: Int) -> Int {
        func run(at i: Int) -> Int { bytes[i...].prefix { $0 == UInt8(ascii: "`") }.count }
        let count = run(at: start)
        var i = start + count
        while i < bytes.count {
            if bytes[i] == UInt8(ascii: "`") {
                let other = run(at: i)
                if other == count { return i + count }
                i += other
            } else if bytes[i] == UInt8(ascii: "\n"), isBlankLine(at: i + 1) {
                break
            } else {
                i += 1
            }
        }
        return start + count
    }

    private func isBlankLine(at start: Int) -> Bool {
        guard start < bytes.count else { return true }
        let line = bytes[start...].prefix { $0 != UInt8(ascii: "\n") }
        return line.allSatisfy {
            $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r")
        }
    }
}

extension StringProtocol {
    /// Without white space at either end.
    var trimmed: String {
        let start = unicodeScalars.drop { $0.properties.isWhitespace }
        let count = start.reversed().drop { $0.properties.isWhitespace }.count
        return String(String.UnicodeScalarView(start.prefix(count)))
    }
}
