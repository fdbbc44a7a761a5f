/// The rows of a file of values separated by commas or tabs, with a row of headings (RFC 4180), one after another.
///
/// Values in quotes may hold separators, doubled quotes and line breaks. Lines end in a line feed, with or without a
/// carriage return before it.
package struct SeparatedValues: Sendable {
    /// What is wrong, and in which line of the file, from 1.
    package struct Problem: Error, Sendable, Hashable {
        package let line: Int
        /// A sentence.
        package let reason: String
    }

    /// The most values of a row: each takes one byte there and many in memory.
    package static let mostValues = 1 << 16
    private static let longestHeading = 1000

    package let headings: [String]
    private var reader: Reader

    /// Reads the headings of a whole file's bytes; lines without anything are skipped.
    ///
    /// - Parameter separator: The byte between two values.
    /// - Throws: ``Problem`` for a heading that is there twice, and as ``next()``.
    package init(_ bytes: [UInt8], separator: UInt8 = UInt8(ascii: ",")) throws(Problem) {
        var reader = Reader(bytes: bytes, separator: separator, keepsBlankLines: false)
        guard let first = try reader.next() else {
            throw Problem(line: 1, reason: "It is empty. It should begin with a row of headings.")
        }
        headings = first.values
        var seen: Set<ByteText> = []
        for heading in headings where !heading.isEmpty && !seen.insert(heading.byteText).inserted {
            throw Problem(line: first.line, reason: "The heading \"\(heading.shortened())\" is there twice.")
        }
        // Every record of the table has it in memory, and messages quote it.
        if let long = headings.first(where: { $0.utf8.count > Self.longestHeading }) {
            throw Problem(
                line: first.line,
                reason:
                    "The heading \"\(long.shortened())\" has \(long.utf8.count) bytes; \(Self.longestHeading) are the most that are read. Does the file begin with a row of headings?"
            )
        }
        self.reader = reader
    }

    /// The values of the next row, as many as there are headings, and the line where it begins; nil at the end.
    ///
    /// - Throws: ``Problem`` for a row of another length than the headings, one of more than ``mostValues``, a quote that
    ///   is never closed, and text that isn't UTF-8.
    package mutating func next() throws(Problem) -> (values: [String], line: Int)? {
        guard let row = try reader.next() else { return nil }
        guard row.values.count == headings.count else {
            throw Problem(
                line: row.line,
                reason:
                    "The row has \(row.values.count) values, and there are \(headings.count) headings. A value with the separator or a line break in it stands in quotes."
            )
        }
        return row
    }

    /// The rows of a table that this program wrote, headings and blank lines included, whatever their lengths.
    ///
    /// - Throws: ``Problem`` for a quote that is never closed, and for a row of more than ``mostValues``.
    package static func records(_ text: String) throws(Problem) -> [(values: [String], line: Int)] {
        var reader = Reader(bytes: Array(text.utf8), separator: UInt8(ascii: ","), keepsBlankLines: true)
        var records: [(values: [String], line: Int)] = []
        while let record = try reader.next() { records.append(record) }
        return records
    }

    private struct Reader {
        let bytes: [UInt8]
        let separator: UInt8
        let keepsBlankLines: Bool
        var offset: Int
        var line = 1

        init(bytes: [UInt8], separator: UInt8, keepsBlankLines: Bool) {
            self.bytes = bytes
            self.separator = separator
            self.keepsBlankLines = keepsBlankLines
            offset = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        }

        /// The next row; nil at the end.
        mutating func next() throws(Problem) -> (values: [String], line: Int)? {
            while offset < bytes.count {
                let start = line
                var values: [String] = []
                var isEnd = false
                while !isEnd {
                    guard values.count < mostValues else {
                        throw Problem(line: start, reason: "The row has more than \(mostValues) values.")
                    }
                    let (value, end) = try value()
                    values.append(value)
                    isEnd = end
                }
                if keepsBlankLines || values.count > 1 || values.first?.isEmpty == false {
                    return (values, start)
                }
            }
            return nil
        }

        /// One value, and whether it is the last of its row.
        private mutating func value() throws(Problem) -> (String, isEnd: Bool) {
            let start = line
            var value: [UInt8] = []
            var isQuoted = false
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") {
                isQuoted = true
                offset += 1
            }
            while offset < bytes.count {
                let byte = bytes[offset]
                offset += 1
                if byte == UInt8(ascii: "\n") { line += 1 }
                if isQuoted {
                    if byte != UInt8(ascii: "\"") {
                        value.append(byte)
                    } else if offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") {
                        value.append(byte)
                        offset += 1
                    } else {
                        isQuoted = false
                    }
                } else if byte == separator {
                    return (try text(value, start), false)
                } else if byte == UInt8(ascii: "\n") {
                    if value.last == UInt8(ascii: "\r") { value.removeLast() }
                    return (try text(value, start), true)
                } else {
                    value.append(byte)
                }
            }
            guard !isQuoted else {
                throw Problem(line: start, reason: "A quotation mark that opens a value isn't closed.")
            }
            if value.last == UInt8(ascii: "\r") { value.removeLast() }
            return (try text(value, start), true)
        }

        private func text(_ bytes: [UInt8], _ line: Int) throws(Problem) -> String {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw Problem(line: line, reason: "The text isn't UTF-8. Save the file in that encoding.")
            }
            return text
        }
    }
}
