internal import Files
internal import JSON

extension PublishedTable {
    /// SHA-256 over all cells as the rows of the source that they were read from: tells whether one was lost,
    /// doubled, changed or invented.
    ///
    /// Each cell is one line of `key=value`, keys sorted, numbers as doubles; the lines are sorted.
    package var digest: String {
        let lines = rows.flatMap { row in
            columns.compactMap { column in record(row, column).map(Self.line) }
        }
        // By bytes, as other languages sort; Swift's own order of strings is by canonical equivalence.
        let sorted = lines.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        return SHA256.hex(of: Array(sorted.joined(separator: [UInt8(ascii: "\n")])))
    }

    private static func line(_ record: JSONObject) -> String {
        record.members.map { member in
            let value = member.value.double.map { "\($0)" } ?? member.value.string ?? "?"
            return "\(member.key)=\(value)"
        }.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
            .joined(separator: "\u{1F}")
    }
}
