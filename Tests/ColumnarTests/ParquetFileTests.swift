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

    @Test func partsLargerThanTheLimitsAreRefused() throws {
        let path = Fixtures.path("columnar/table-none-v1.parquet")
        for limits in [
            Self.limits { $0.metadataBytes = 100 }, Self.limits { $0.pageBytes = 10 },
            Self.limits { $0.pageValues = 30 }, Self.limits { $0.rowValues = 20 },
        ] {
            let error = #expect(throws: ColumnarError.self) { try ParquetFile(path, limits: limits).rows() }
            #expect(error?.code == .tooLarge)
        }
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
