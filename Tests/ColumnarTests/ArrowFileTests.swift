import Columnar
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

/// Arrow files that pyarrow wrote, whole and damaged.
struct ArrowFileTests {
    static let sameTable = ["stream", "file", "old", "large"]

    @Test(arguments: sameTable)
    func everyFormatGivesTheRowsThatPyarrowReads(_ name: String) throws {
        let file = try ArrowFile(Fixtures.path("columnar/table-\(name).arrow"))
        let expected = try Expected.rows("table.jsonl")
        let rows = try file.rows()
        #expect(rows.count == 30 && file.columns == expected[0].keys)
        for (row, wanted) in zip(rows, expected) { #expect(row == wanted) }
    }

    @Test(arguments: [
        ("lz4", "compressed by LZ4"), ("zstd", "compressed by ZSTD"), ("dictionary", "type dictionary"),
        ("timestamp", "Column a has the type timestamp"),
    ])
    func whatIsNotReadIsNamed(_ name: String, _ words: String) {
        let error = #expect(throws: ColumnarError.self) {
            try ArrowFile(Fixtures.path("columnar/refused-\(name).arrow")).rows()
        }
        #expect(error?.code == .unsupported && "\(error?.description ?? "")".contains(words))
    }

    @Test func columnsThatNobodyAsksForAreLeftOut() throws {
        let file = try ArrowFile(Fixtures.path("columnar/table-stream.arrow"))
        var rows: [JSONObject] = []
        try file.forEachRow(columns: ["turns", "id", "nosuch"]) { rows.append($0) }
        let expected = try Expected.rows("table.jsonl")
        #expect(rows == expected.map { ["id": $0["id"] ?? .null, "turns": $0["turns"] ?? .null] })
        #expect(throws: ColumnarError.self) { try file.forEachRow(columns: ["nosuch"]) { _ in } }
    }

    @Test func namesLongerThanTheLimitAreRefused() {
        var limits = ColumnarLimits()
        limits.nameBytes = 10
        let error = #expect(throws: ColumnarError.self) {
            try ArrowFile(Fixtures.path("columnar/table-stream.arrow"), limits: limits)
        }
        #expect(error?.code == .tooLarge)
    }

    /// A few bytes can say that something is null a billion times.
    @Test func moreValuesThanAFileOfItsSizeMayHaveAreRefused() throws {
        var limits = ColumnarLimits()
        (limits.fileValues, limits.valuesPerByte) = (100, 0)
        let file = try ArrowFile(Fixtures.path("columnar/table-stream.arrow"), limits: limits)
        let error = #expect(throws: ColumnarError.self) { try file.rows() }
        #expect(error?.code == .tooLarge)
    }

    @Test func aFileCutOffAnywhereIsAnErrorOrEndsAfterABatch() throws {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("cut.arrow")
        let whole = try FileSystem.read(Fixtures.path("columnar/table-stream.arrow"))
        var ends: Set<Int> = []
        for length in 0..<whole.count {
            try Damage.write(Array(whole[..<length]), path)
            do { ends.insert(try ArrowFile(path).rows().count) } catch is ColumnarError {}
        }
        #expect(ends == [0, 17, 30])
    }

    @Test(arguments: sameTable)
    func aChangedByteGivesAnErrorOrRows(_ name: String) throws {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("flipped.arrow")
        let whole = try FileSystem.read(Fixtures.path("columnar/table-\(name).arrow"))
        var refused = 0
        for round in 0..<Damage.rounds {
            try Damage.write(Damage.flip(whole, round: round, seed: name), path)
            do {
                var count = 0
                try ArrowFile(path, limits: Damage.limits).forEachRow { _ in
                    count += 1
                    if count > 100_000 { throw Damage.Enough() }
                }
            } catch is ColumnarError {
                refused += 1
            } catch is Damage.Enough {}
        }
        #expect(refused > Damage.rounds / 50)
    }
}
