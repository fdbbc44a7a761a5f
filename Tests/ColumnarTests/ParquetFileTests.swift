import Columnar
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

/// Files that pyarrow, DuckDB and fastparquet wrote, and the rows that pyarrow reads from them.
struct ParquetFileTests {
    static let sameTable = [
        "none-v1", "none-v2", "snappy-v1", "snappy-v2", "gzip-v1", "gzip-v2", "zstd-v1", "zstd-v2",
        "plain-v1",
        "plain-v2", "groups", "pages", "old-lists",
    ]

    @Test(arguments: sameTable)
    func everyCodecAndPageVersionGivesTheRowsThatPyarrowReads(_ name: String) throws {
        let file = try ParquetFile(Fixtures.path("columnar/table-\(name).parquet"))
        let expected = try Expected.rows("table.jsonl")
        let rows = try file.rows()
        #expect(rows.count == 30 && file.rowCount == 30 && file.columns == expected[0].keys)
        for (row, wanted) in zip(rows, expected) { #expect(row == wanted) }
        #expect(file.rowGroupCount == (name == "groups" ? 5 : 1))
    }

    @Test(arguments: ["delta", "rle", "empty", "duckdb-v1", "duckdb-v2", "fastparquet"])
    func otherEncodingsAndWritersGiveTheRowsThatPyarrowReads(_ name: String) throws {
        let file = try ParquetFile(Fixtures.path("columnar/\(name).parquet"))
        let expected = try Expected.rows("\(name).parquet.jsonl")
        let rows = try file.rows()
        #expect(rows.count == expected.count)
        for (row, wanted) in zip(rows, expected) { #expect(row == wanted) }
    }

    @Test(arguments: [
        ("lz4", "LZ4"), ("brotli", "BROTLI"), ("delta-byte-array", "DELTA_BYTE_ARRAY"),
        ("split", "BYTE_STREAM_SPLIT"), ("timestamp", "Column a holds times"),
        ("decimal", "Column a holds decimal"), ("binary", "aren't text in UTF-8"),
    ])
    func whatIsNotReadIsNamed(_ name: String, _ words: String) {
        let error = #expect(throws: ColumnarError.self) {
            try ParquetFile(Fixtures.path("columnar/refused-\(name).parquet")).rows()
        }
        #expect(error?.code == .unsupported && "\(error?.description ?? "")".contains(words))
    }

    /// Types, codecs and encodings that aren't read here, beside two columns that are; in the second file the pages of the
    /// others are overwritten.
    @Test(arguments: ["unasked", "unasked-damaged"])
    func columnsThatNobodyAsksForAreNotRead(_ name: String) throws {
        let file = try ParquetFile(Fixtures.path("columnar/\(name).parquet"))
        #expect(
            file.columns == [
                "when", "question", "price", "picture", "visits", "brotli", "split", "ids", "lz4",
            ])
        #expect(file.rowGroupCount == 3)
        func rows(_ names: Set<String>) throws -> [JSONObject] {
            var rows: [JSONObject] = []
            try file.forEachRow(columns: names) { rows.append($0) }
            return rows
        }
        let expected = try Expected.rows("unasked.parquet.jsonl")
        #expect(try rows(["ids", "question", "nosuch"]) == expected && expected.count == 40)
        #expect(try rows(["ids"]) == expected.map { ["ids": $0["ids"] ?? .null] })
        for (column, words) in [
            ("when", "Column when holds times"), ("price", "Column price holds bytes of fixed length"),
            ("picture", "aren't text in UTF-8"),
            ("visits", "Column visits.list.element.at holds times"), ("brotli", "BROTLI"),
            ("split", "BYTE_STREAM_SPLIT"), ("lz4", "LZ4"),
        ] {
            let error = #expect(throws: ColumnarError.self) { try rows([column, "ids"]) }
            // Damage shows where there is nothing to say of the column before its pages.
            let isSeen = name == "unasked" || !["picture", "split"].contains(column)
            #expect(error?.code == (isSeen ? .unsupported : .damaged))
            if isSeen { #expect(error?.reason.contains(words) == true, "\(error.debugDescription)") }
        }
        let error = #expect(throws: ColumnarError.self) { try rows(["answer", "text"]) }
        #expect(
            error?.reason.contains("none of the columns answer, text, but \"when\", \"question\"") == true)
        #expect(throws: ColumnarError.self) { try file.rows() }
    }

    @Test func partsLargerThanTheLimitsAreRefused() throws {
        let path = Fixtures.path("columnar/table-none-v1.parquet")
        for limits in [
            Self.limits { $0.metadataBytes = 100 }, Self.limits { $0.pageBytes = 10 },
            Self.limits { $0.pageValues = 30 }, Self.limits { $0.rowValues = 20 },
            Self.limits { $0.nameBytes = 10 },
            Self.limits { ($0.fileValues, $0.valuesPerByte) = (100, 0) },
        ] {
            let error = #expect(throws: ColumnarError.self) { try ParquetFile(path, limits: limits).rows() }
            #expect(error?.code == .tooLarge)
        }
    }

    /// A megabyte that says a gigabyte: the name of a parent is in that of each of its columns.
    @Test func manyColumnsBelowOneLongNameAreRefused() throws {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("names.parquet")
        for (nameBytes, columns) in [(1 << 20, 1000), (1 << 10, 1000)] {
            // Thrift's compact protocol: fields 2 (schema), 3 (rows) and 4 (row groups).
            var footer: [UInt8] = [0x29, 0xFC] + Self.varint(columns + 2)
            footer += [0x48, 1, UInt8(ascii: "r"), 0x15] + Self.varint(2) + [0]
            footer +=
                [0x48] + Self.varint(nameBytes) + [UInt8](repeating: UInt8(ascii: "p"), count: nameBytes)
            footer += [0x15] + Self.varint(2 * columns) + [0]
            for column in 0..<columns {
                let name = Array("c\(column)".utf8)
                footer += [0x15, 2, 0x38] + Self.varint(name.count) + name + [0]
            }
            footer += [0x16, 0, 0x19, 0x0C, 0]
            let length = withUnsafeBytes(of: UInt32(footer.count).littleEndian) { Array($0) }
            try Damage.write(Array("PAR1".utf8) + footer + length + Array("PAR1".utf8), path)
            let columnNames = Result { try ParquetFile(path).columns.map(\.utf8.count) }
            if nameBytes * columns <= ColumnarLimits().nameBytes {
                #expect(try columnNames.get() == [nameBytes])
            } else {
                let error = #expect(throws: ColumnarError.self) { try columnNames.get() }
                #expect(error?.code == .tooLarge)
            }
        }
    }

    private static func varint(_ number: Int) -> [UInt8] {
        number < 0x80 ? [UInt8(number)] : [UInt8(number & 0x7F | 0x80)] + varint(number >> 7)
    }

    private static func limits(_ change: (inout ColumnarLimits) -> Void) -> ColumnarLimits {
        var limits = ColumnarLimits()
        change(&limits)
        return limits
    }
}

/// The rows that another reader found.
enum Expected {
    static func rows(_ name: String) throws -> [JSONObject] {
        let bytes = try FileSystem.read(Fixtures.path("columnar/\(name)"))
        return try bytes.split(separator: UInt8(ascii: "\n")).map { line in
            let value = JSONValue(try JSONDocument(parsing: Array(line), name: name).root)
            return try #require(value.object)
        }
    }
}
