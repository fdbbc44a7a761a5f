import ArtifactStore
import Base
import Files
import JSON
import Ranks
import Runs
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// Groups of samples that other ranks compute give the bytes that one process gives, whatever becomes of the ranks.
@Suite(.serialized) struct SampleSharingTests {
    static let stages = ["trajectories", "vanilla", "hot"]

    @Test("several ranks make the same files as one", arguments: [2, 4])
    func sameFiles(ranks: Int) throws {
        // The stage by itself, so that no other one holds the ranks' threads. It takes a few hundredths of a second: a rank that
        // is slower than that to start is overtaken, and its groups are made by rank 0.
        var alone = ""
        for _ in 0..<20 where !alone.contains("trajectories: rank 1") {
            alone = try RankedRun().run(LocalRanks(ranks), threads: 2, only: ["trajectories"])
        }
        #expect(alone.contains("trajectories: rank 1"), "\(alone)")
        let run = try RankedRun()
        let network = LocalRanks(ranks)
        let log = try run.run(network, threads: 2, only: Self.stages)
        try run.expectTheSame(Self.stages)
        for rank in 1..<ranks { #expect(network.answers(of: rank) > 3, "\(log)") }
    }

    @Test("a rank that is lost costs nothing but its groups", arguments: [1, 2, 5])
    func loss(after answers: Int) throws {
        let run = try RankedRun()
        let log = try run.run(
            LocalRanks(3) { rank, answer, _ in rank == 1 && answer >= answers ? .loss : .arrives },
            only: Self.stages)
        try run.expectTheSame(Self.stages)
        #expect(log.components("was lost on purpose; the run goes on without it") == 1, "\(log)")
    }

    @Test func allRanksLost() throws {
        let run = try RankedRun()
        try run.run(LocalRanks(3) { _, answer, _ in answer > 1 ? .loss : .arrives }, only: Self.stages)
        try run.expectTheSame(Self.stages)
    }

    @Test func answersThatComeTooLateAreDropped() throws {
        let run = try RankedRun()
        // An hour late: a run that waited for it wouldn't end.
        try run.run(
            LocalRanks(2) { _, answer, _ in answer == 2 ? .arrivesLate(milliseconds: 3_600_000) : .arrives },
            only: Self.stages)
        try run.expectTheSame(Self.stages)
    }

    @Test func aRankThatNeverEndsAGroupHoldsNobodyUp() throws {
        let run = try RankedRun()
        try run.run(
            LocalRanks(2) { _, answer, _ in answer == 3 ? .silence : .arrives }, only: Self.stages)
        try run.expectTheSame(Self.stages)
    }

    @Test(
        "answers that are no results are computed again, and say so",
        arguments: [
            ("an empty frame", Garbage.empty, "sent something that is no answer"),
            ("noise", .noise, "sent something that is no answer"),
            ("half an answer", .half, "its answer for group"),
            ("another group's records", .others, "its answer for group"),
        ])
    func garbage(name: String, garbage: Garbage, message: String) throws {
        let run = try RankedRun()
        // Made without ranks, so that the answers after the introduction are groups.
        try run.run(LocalRanks(1), only: ["teacher"])
        let earlier = Mutex<Frame?>(nil)
        let network = LocalRanks(2) { _, answer, frame in
            if answer == 1 { earlier.withLock { $0 = frame } }
            guard answer == (garbage == .others ? 2 : 1) else { return .arrives }
            return .becomes(garbage.make(frame, earlier.withLock { $0 }))
        }
        let log = try run.run(network, only: Self.stages)
        try run.expectTheSame(Self.stages)
        #expect(log.contains(message) || network.answers(of: 1) < 3, "\(log)")
    }

    enum Garbage: Sendable {
        case empty, noise, half, others

        func make(_ frame: Frame, _ earlier: Frame?) -> Frame {
            let bytes: [UInt8] =
                switch self {
                case .empty: []
                case .noise: (0..<500).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
                case .half: Array(frame.bytes.prefix(frame.count / 2))
                // The head of this answer, so that it is taken for it, and the records of another.
                case .others: Array(frame.bytes.prefix(9)) + Array((earlier ?? frame).bytes.dropFirst(9))
                }
            let result = Frame(uninitialized: bytes.count)
            result.mutableBytes.copyBytes(from: bytes)
            return result
        }
    }

    @Test func aStoppedRunGoesOnWithAnotherNumberOfRanks() throws {
        let run = try RankedRun()
        let network = LocalRanks(3)
        let cancellation = Cancellation { network.answers(of: 1) > 2 }
        #expect(throws: RunInterrupted.self) {
            try run.run(network, only: Self.stages, cancellation: cancellation)
        }
        try run.run(LocalRanks(2), only: Self.stages)
        try run.expectTheSame(Self.stages)
    }

    @Test func groupsThatFailEverywhereFailTheStage() throws {
        let run = try RankedRun()
        try run.run(LocalRanks(1), only: ["trajectories"])
        let file = try #require(
            ScratchFolder.files(below: run.store.root).first {
                $0.contains("teacher") && $0.hasSuffix(".safetensors")
            })
        let path = run.store.root.pushing(FilePath(file))
        let before = try FileSystem.read(path)
        let after = [UInt8](repeating: 9, count: before.count)
        try FileSystem.writeAtomically(after, to: path)
        // With its hash in the record too: a file that differs from its record is made again.
        let record = path.removingLastComponent().appending("artifact.json")
        let text = try FileSystem.readText(record).byteText
            .replacing(SHA256.hex(of: before).byteText, with: SHA256.hex(of: after).byteText).text
        try FileSystem.writeAtomically(text, to: record)
        #expect(throws: StageFailure.self) { try run.run(LocalRanks(2), only: ["vanilla"]) }
    }
}

extension String {
    /// How often it has a text.
    func components(_ text: String) -> Int {
        var (count, rest) = (0, self[...])
        while let range = rest.firstRange(of: text) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
