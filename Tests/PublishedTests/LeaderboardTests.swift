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

    private func larger() throws -> LargerLeaderboard {
        try LargerLeaderboard(
            Leaderboard(try Repository.tables()),
            [LaterPoints(file: Repository.published.appending("later.json"))])
    }

    @Test("later points lower the areas of a board whose best accuracy they raise, and leave own ones alone")
    func later() throws {
        let board = try larger()
        #expect(board.entries.count == 77 + 144)
        func entry(_ method: String, _ task: String) throws -> LargerLeaderboard.Entry {
            try #require(board.entries.first { $0.method == method && $0.task == task && $0.base == "LLaDA" })
        }
        // TAD answers 80 % of its GSM8K, the board's best method 75 %.
        let d3llm = try entry("d3LLM-LLaDA", "GSM8K-CoT")
        #expect(abs((d3llm.before ?? 0) - 637.7) < 0.06 && abs(d3llm.now - 539.2) < 0.06)
        let tad = try entry("TAD-LLaDA-Speed", "GSM8K-CoT")
        #expect(tad.before == nil && tad.now > d3llm.now && tad.own > tad.now)
        // Nobody raises the best of Long-GSM8K.
        for entry in board.entries where entry.task == "Long-GSM8K" {
            #expect(entry.before.map { abs($0 - entry.now) < 1e-9 } == true, "\(entry.method)")
        }
        for entry in board.entries { #expect(entry.own >= entry.now - 1e-9, "\(entry.method) \(entry.task)") }
    }

    @Test(
        "points of one's own that aren't points are refused with their place",
        arguments: [
            ("[[0, 50]]", "A point is tokens per forward, above 0"), ("[[2, 101]]", "accuracy in percent"),
            ("[]", "A row needs a point"), ("[[2]]", "A point is tokens"),
        ])
    func badPoints(points: String, message: String) throws {
        let scratch = try ScratchFolder()
        let file = scratch.path.appending("mine.json")
        try FileSystem.writeAtomically(
            """
            {"sources": {"a": "here"},
             "rows": [{"method": "mine", "task": "GSM8K", "points": \(points), "source": "a"}]}
            """, to: file)
        let error = #expect(throws: PublishedDataError.self) { try LaterPoints(file: file) }
        #expect("\(error.map { "\($0)" } ?? "")".contains(message))
        #expect("\(error.map { "\($0)" } ?? "")".contains("mine.json:2:"))
    }

    @Test("a source that the file doesn't tell of is refused with those that it does")
    func unknownSource() throws {
        let scratch = try ScratchFolder()
        let file = scratch.path.appending("mine.json")
        try FileSystem.writeAtomically(
            #"{"sources": {"a": "here"}, "rows": [{"method": "m", "task": "t", "points": [[2, 50]], "source": "b"}]}"#,
            to: file)
        let error = #expect(throws: PublishedDataError.self) { try LaterPoints(file: file) }
        #expect("\(error.map { "\($0)" } ?? "")".contains("There is no source \"b\". There are a."))
    }
}
