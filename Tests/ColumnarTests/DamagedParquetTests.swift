import Columnar
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

/// Files that are cut off or changed: an error or rows, never a crash or endless memory.
struct DamagedParquetTests {
    static let files =
        ParquetFileTests.sameTable.map { "table-\($0)" } + [
            "delta", "rle", "duckdb-v1", "duckdb-v2", "fastparquet",
        ]

    @Test func aFileCutOffAnywhereIsRefused() throws {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("cut.parquet")
        let whole = try FileSystem.read(Fixtures.path("columnar/table-snappy-v1.parquet"))
        for length in 0..<whole.count {
            try Damage.write(Array(whole[..<length]), path)
            #expect(throws: ColumnarError.self) { try ParquetFile(path).rows() }
        }
    }

    @Test(arguments: files)
    func aChangedByteGivesAnErrorOrRows(_ name: String) throws {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("flipped.parquet")
        let whole = try FileSystem.read(Fixtures.path("columnar/\(name).parquet"))
        var refused = 0
        for round in 0..<Damage.rounds {
            try Damage.write(Damage.flip(whole, round: round, seed: name), path)
            do {
                var count = 0
                try ParquetFile(path, limits: Damage.limits).forEachRow { _ in
                    count += 1
                    if count > 100_000 { throw Damage.Enough() }
                }
            } catch is ColumnarError {
                refused += 1
            } catch is Damage.Enough {}
        }
        #expect(refused > Damage.rounds / 10)
    }
}
