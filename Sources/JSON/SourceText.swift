internal import Base

/// A named text that turns byte offsets into what a person reads: line, column, the line itself with a caret.
public final class SourceText: Sendable {
    /// What messages call the text: usually the path of a file.
    public let name: String

    private let bytes: [UInt8]
    private let lineStarts: [Int]

    /// Takes the UTF-8 bytes of the text.
    public init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
        self.lineStarts = Self.lineStarts(of: bytes)
    }

    /// The offsets at which lines begin; the first is always 0.
    private static func lineStarts(of bytes: [UInt8]) -> [Int] {
        var starts = [0]
        for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            starts.append(offset + 1)
        }
        return starts
    }

    /// The line and the column (both from 1, columns in characters) of a byte offset.
    public func position(of offset: Int) -> (line: Int, column: Int) {
        let offset = min(max(offset, 0), bytes.count)
        let index = lineIndex(of: offset)
        return (index + 1, characters(lineStarts[index]..<offset).count + 1)
    }

    /// The text of line `n` (from 1) without its line break; empty when there is no such line.
    public func line(_ n: Int) -> String {
        guard n >= 1, n <= lineStarts.count else { return "" }
        return characters(contentRange(ofLine: n - 1))
    }

    /// The line around `offset` and a caret below it.
    ///
    /// Long lines are cut to a window, because generated files often are a single line of megabytes.
    public func excerpt(at offset: Int) -> String {
        let offset = min(max(offset, 0), bytes.count)
        let content = contentRange(ofLine: lineIndex(of: offset))
        let caret = min(offset, content.upperBound)
        var window = max(content.lowerBound, caret - 60)..<min(content.upperBound, caret + 60)
        while window.lowerBound > content.lowerBound, isContinuation(window.lowerBound) {
            window = (window.lowerBound - 1)..<window.upperBound
        }
        while window.upperBound < content.upperBound, isContinuation(window.upperBound) {
            window = window.lowerBound..<(window.upperBound + 1)
        }
        let before =
            (window.lowerBound > content.lowerBound ? "…" : "")
            + characters(window.lowerBound..<caret).visibleLines
        let after =
            characters(caret..<window.upperBound).visibleLines
            + (window.upperBound < content.upperBound ? "…" : "")
        // Tabs stay tabs so that the caret lines up whatever their width is.
        // by Character: columns of what a reader sees
        return before + after + "\n" + String(before.map { $0 == "\t" ? "\t" : " " }) + "^"
    }

    private func isContinuation(_ offset: Int) -> Bool { bytes[offset] & 0xC0 == 0x80 }

    private func contentRange(ofLine index: Int) -> Range<Int> {
        let start = lineStarts[index]
        var end = index + 1 < lineStarts.count ? lineStarts[index + 1] - 1 : bytes.count
        if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return start..<end
    }

    private func lineIndex(of offset: Int) -> Int {
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }

    private func characters(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}
