import Files
import JSON
import Measures
import SystemPackage
import TestSupport
import Testing

@testable import Published

@Suite struct CoverageTests {
    private func coverage() throws -> Coverage {
        try Coverage(
            try Repository.tables(), file: Repository.published.appending("coverage.json"),
            root: Repository.root)
    }

    @Test func everyTableOfTheTwoPapersIsAnItem() throws {
        let listed = Set(try coverage().entries.compactMap(\.item.table))
        for table in try Repository.tables().tables
        where ["d3LLM", "D2F"].contains(table.work) && [.table, .figure].contains(table.role) {
            #expect(listed.contains(table.name), "\(table.name)")
        }
    }

    /// Verdicts are read from the records of runs, so that they can't be better than what was found.
    @Test func claimsHaveTheVerdictOfTheirRecord() throws {
        for entry in try coverage().entries where entry.item.state == .mini {
            let verdict = try #require(entry.verdict.flatMap { Claim.Verdict(recorded: $0) })
            #expect(verdict != .notRun, "\(entry.item.key)")
        }
        let window = try coverage().entries.first { $0.item.key == "claim-window" }
        #expect(window?.verdict == "does not hold")
    }

    @Test func configurationsAreThere() throws {
        for entry in try coverage().entries {
            guard let config = entry.item.config else { continue }
            #expect(FileSystem.exists(Repository.root.pushing(FilePath(config))), "\(config)")
        }
    }

    @Test func whatCanBeRunHasCells() throws {
        for entry in try coverage().entries where entry.item.kind == .table {
            switch entry.item.state {
            case .runnable: #expect((entry.cells?.covered ?? 0) > 0, "\(entry.item.key)")
            case .outOfReach: #expect((entry.cells?.covered ?? 0) == 0, "\(entry.item.key)")
            case .recomputed, .mini: break
            }
        }
    }

    @Test func publishedNumbersDecideClaims() throws {
        let tables = try Repository.tables()
        let path = { (row: String) in "d3llm-tps/\(row)/h100/TPS" }
        func verdict(_ factor: Double) throws -> Claim.Verdict {
            try CoverageItem.Predicate(
                left: path("llada-d3llm"), right: path("llada-qwen"), factor: factor
            ).verdict(tables)
        }
        #expect(try verdict(5) == .holds)
        #expect(try verdict(5.1) == .doesNotHold)
        #expect(throws: PublishedDataError.self) { try tables.number(at: "d3llm-tps/none/h100/TPS") }
        #expect(throws: PublishedDataError.self) { try tables.number(at: "d3llm-tps") }
        #expect(throws: UnknownPublishedNameError.self) { try tables.number(at: "a/b/c/d") }
    }

    @Test func sharesAddUp() throws {
        let coverage = try coverage()
        for kind in CoverageItem.Kind.allCases {
            let sum = coverage.counts(kind).reduce(0) { $0 + $1.count }
            #expect(sum == coverage.entries.count { $0.item.kind == kind })
        }
    }

    @Test func aRecordThatIsNotThereIsNamed() throws {
        let scratch = try ScratchFolder()
        let file = scratch.path.appending("coverage.json")
        func write(_ statement: String) throws {
            try FileSystem.writeAtomically(
                """
                { "note": "", "items": { "a": { "work": "w", "kind": "claim", "title": "t", "reason": "r",
                  "state": "tested at mini scale", "record": { "file": "claims.csv", "statement": "\(statement)" } } } }
                """, to: file)
        }
        try FileSystem.writeAtomically(
            "Claim,Compared,Verdict\n\"one, \"\"two\"\"\",a vs b,holds\nthree,c,not run\n",
            to: scratch.path.appending("claims.csv"))
        let tables = try Repository.tables()
        try write("one, \\\"two\\\"")
        #expect(try Coverage(tables, file: file, root: scratch.path).entries.first?.verdict == "holds")
        try write("thre")
        #expect {
            _ = try Coverage(tables, file: file, root: scratch.path)
        } throws: { error in
            "\(error)".contains("Did you mean \"three\"?") && "\(error)".contains("coverage.json:1:")
        }
    }
}
