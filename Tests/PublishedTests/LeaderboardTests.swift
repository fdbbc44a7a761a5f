import Files
import Reporting
import SystemPackage
import TestSupport
import Testing

@testable import Published

@Suite struct LeaderboardTests {
    @Test func allPublishedAreasButOneAgreeWithTheirCurves() throws {
        let leaderboard = try Leaderboard(try Repository.tables())
        #expect(leaderboard.entries.count == 77)
        let differing = leaderboard.entries.filter { !$0.agrees }
        #expect(differing.map { "\($0.row.key) \($0.column.key)" } == ["d3llm-coder mbpp"])
        #expect(differing.first?.published == 186.36)
        #expect(abs((differing.first?.recomputed ?? 0) - 186.1772) < 1e-3)
        #expect(
            leaderboard.summary
                == "76 of 77 published areas agree with their curves; d3LLM-Coder-7B on MBPP does not.")
    }

    /// The same areas stand in the tables that the speeds are from, computed by the released code.
    @Test func areasAreThoseOfTheReleasedCode() throws {
        for entry in try Leaderboard(try Repository.tables()).entries {
            let there = try #require(entry.base.table.number("AUP", entry.row, entry.column))
            #expect(abs(entry.recomputed - there) < 1e-3, "\(entry.row.key), \(entry.column.key)")
        }
    }

    @Test func filesAreTheSameEachTime() throws {
        let leaderboard = try Leaderboard(try Repository.tables())
        let scratch = try ScratchFolder()
        let names = try leaderboard.write(to: scratch.path)
        #expect(names.count == 24)
        let first = try names.map { try FileSystem.read(scratch.path.appending($0)) }
        _ = try leaderboard.write(to: scratch.path)
        #expect(try names.map { try FileSystem.read(scratch.path.appending($0)) } == first)
    }

    /// What is committed is what the command writes.
    @Test func committedResultsAreFresh() throws {
        let scratch = try ScratchFolder()
        let folder = Repository.root.pushing("experiments/leaderboard/results")
        for name in try Leaderboard(try Repository.tables()).write(to: scratch.path) {
            let fresh = try FileSystem.read(scratch.path.appending(name))
            #expect(try FileSystem.read(folder.appending(name)) == fresh, "\(name): run make leaderboard")
        }
    }
}
