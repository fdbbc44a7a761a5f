internal import Base

/// A named text that turns byte offsets into what a person reads: line, column, the line itself with a caret.
public final class SourceText: Sendable {
    /// What messages call the text: usually the path of a file.
    public let name: String

    private let bytes: [UInt8]
    /// Where one line of eight begins; the first is always at 0.
    ///
    /// All of them would take eight times as much as a text of empty lines.
    private let lineStarts: [Int]
    private let lineCount: Int

    private static let stride = 8

    /// Takes the UTF-8 bytes of the text.
    public init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
        var (starts, count) = ([0], 1)
        for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            if count % Self.stride == 0 { starts.append(offset + 1) }
            count += 1
        }
        (lineStarts, lineCount) = (starts, count)
    }

    /// Where a line begins, from 0.
    private func start(ofLine index: Int) -> Int {
        var start = lineStarts[index / Self.stride]
        for _ in 0..<index % Self.stride {
            guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else { break }
            start = end + 1
        }
        return start
    }

    /// The line and the column (both from 1, columns in characters) of a byte offset.
    public func position(of offset: Int) -> (line: Int, column: Int) {
        let offset = min(max(offset, 0), bytes.count)
        let index = lineIndex(of: offset)
        return (index + 1, characters(start(ofLine: index)..<offset).count + 1)
    }

    /// Lines of rising offsets, each found from the one before it: to count from the start for every value of a long list takes
    /// a time that grows with the square of its length.
    package struct Lines {
        fileprivate let bytes: [UInt8]
        private var offset = 0
        private var line = 1

        fileprivate init(_ bytes: [UInt8]) { self.bytes = bytes }

        /// The line of an offset, from 1, that isn't before the last one.
        package mutating func line(of next: Int) -> Int {
            let next = min(max(next, offset), bytes.count)
            line += bytes[offset..<next].count { $0 == UInt8(ascii: "\n") }
            offset = next
            return line
        }
    }

    /// See ``Lines``.
    package var lines: Lines { Lines(bytes) }

    /// The text of line `n` (from 1) without its line break; empty when there is no such line.
    public func line(_ n: Int) -> String {
        guard n >= 1, n <= lineCount else { return "" }
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
        let start = start(ofLine: index)
        var end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
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
        return low * Self.stride
            + bytes[lineStarts[low]..<offset].count { $0 == UInt8(ascii: "\n") }
    }

    private func characters(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}

/// A place in a text: of a file, or of an argument on the command line.
package struct Origin: Sendable {
    package let source: SourceText
    package let range: Range<Int>
    /// Where `"${name}"` stood for the value that was written here, the place of the key that it is for last.
    package var uses: [Origin] = []

    package init(source: SourceText, range: Range<Int>) {
        self.source = source
        self.range = range
    }

    /// `configs/mini/table1.json:12:5`.
    package var place: String {
        let (line, column) = source.position(of: range.lowerBound)
        return "\(source.name):\(line):\(column)"
    }

    /// Where the key's value was set: where the variable is used, if it comes from one.
    package var setting: Origin { uses.last ?? self }
}

/// A string that equals only one of the same bytes.
///
/// Swift's `==` takes é and e followed by a combining accent for the same text. They are two keys to JSON, and
/// the vocabularies of tokenizers rightly hold both.
struct ExactString: Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (a: ExactString, b: ExactString) -> Bool { a.text.hasSameBytes(as: b.text) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension String {
    /// Whether both have the same UTF-8 bytes.
    func hasSameBytes(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
