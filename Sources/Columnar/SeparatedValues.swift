internal import Base

/// The rows of a file of values separated by commas or tabs, with a row of headings (RFC 4180).
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

    package let headings: [String]
    /// The values of each row, as many as there are headings, and the line where it begins.
    package let rows: [(values: [String], line: Int)]

    /// Reads the bytes of a whole file; lines without anything are skipped.
    ///
    /// - Parameter separator: The byte between two values.
    /// - Throws: ``Problem`` for a row of another length than the headings, a heading that is there twice, a quote that
    ///   is never closed, and text that isn't UTF-8.
    package init(_ bytes: [UInt8], separator: UInt8 = UInt8(ascii: ",")) throws(Problem) {
        var reader = Reader(bytes: bytes, separator: separator)
        guard let first = try reader.next() else {
            throw Problem(line: 1, reason: "It is empty. It should begin with a row of headings.")
        }
        headings = first.values
        var seen: Set<ByteText> = []
        for heading in headings where !heading.isEmpty && !seen.insert(heading.byteText).inserted {
            throw Problem(line: first.line, reason: "The heading \"\(heading)\" is there twice.")
        }
        var rows: [(values: [String], line: Int)] = []
        while let row = try reader.next() {
            guard row.values.count == headings.count else {
                throw Problem(
                    line: row.line,
                    reason:
                        "The row has \(row.values.count) values, and there are \(headings.count) headings. A value with the separator or a line break in it stands in quotes."
                )
            }
            rows.append(row)
        }
        self.rows = rows
    }

    private struct Reader {
        let bytes: [UInt8]
        let separator: UInt8
        var offset: Int
        var line = 1

        init(bytes: [UInt8], separator: UInt8) {
            self.bytes = bytes
            self.separator = separator
            offset = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        }

        /// The next row that has anything; nil at the end.
        mutating func next() throws(Problem) -> (values: [String], line: Int)? {
            while offset < bytes.count {
                let start = line
                var values: [String] = []
                var isEnd = false
                while !isEnd {
                    let (value, end) = try value()
                    values.append(value)
                    isEnd = end
                }
                if values.count > 1 || values.first?.isEmpty == false { return (values, start) }
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
