import ArtifactStore
import Ranks
import Runs
import Synchronization
import TestSupport
import Testing

/// Lanes of batches that other ranks compute give the weights that one process gives, bit for bit.
@Suite(.serialized) struct TrainingSharingTests {
    /// Pretraining, fine-tuning, distillation with the entropy term's second phase, with soft targets and with an adapter.
    static let stages = ["student", "d2fStudent", "dparallelStudent", "adapterStudent", "retrained", "tuned"]

    @Test("several ranks train the same weights as one", arguments: [2, 3, 6])
    func sameWeights(ranks: Int) throws {
        let run = try RankedRun()
        let log = try run.run(LocalRanks(ranks), only: Self.stages)
        try run.expectTheSame(Self.stages)
        for rank in 1..<min(4, ranks) { #expect(log.contains("rank \(rank): "), "\(log)") }
    }

    /// Trains one stage with two ranks, after all that it needs was made without.
    ///
    /// The other rank's first answer is its introduction. Before there is anything to compare, each rank has two lanes, so
    /// that the next answers are those of the first steps: of a stage with two phases a forward and a backward pass in turns.
    private func train(
        _ stage: String, fate: @escaping @Sendable (_ answer: Int, Frame) -> LocalRanks.Fate
    ) throws -> String {
        let run = try RankedRun()
        try run.run(LocalRanks(1), only: ["trajectories"])
        let log = try run.run(LocalRanks(2) { _, answer, frame in fate(answer, frame) }, only: [stage])
        try run.expectTheSame(["trajectories", stage])
        return log
    }

    @Test(
        "a rank that is lost in the middle of a training changes nothing",
        arguments: ["student", "adapterStudent", "retrained", "tuned"], 1...3)
    func loss(stage: String, at answer: Int) throws {
        let log = try train(stage) { number, _ in number >= answer ? .loss : .arrives }
        #expect(log.contains("was lost on purpose; the run goes on without it"), "\(log)")
    }

    @Test(
        "late answers and none at all hold a training up for a moment only",
        arguments: ["student", "retrained"],
        [false, true])
    func lateness(stage: String, isSilent: Bool) throws {
        for late in 1...2 {
            // A training that waited for the silent answers wouldn't end.
            _ = try train(stage) { answer, _ in
                answer == late ? (isSilent ? .silence : .arrivesLate(milliseconds: 900)) : .arrives
            }
        }
    }

    @Test(
        "answers that are no gradients are computed again, and say so", arguments: ["student", "d2fStudent"],
        [SampleSharingTests.Garbage.half, .others])
    func garbage(stage: String, garbage: SampleSharingTests.Garbage) throws {
        for wrong in 1...2 {
            let first = Mutex<Frame?>(nil)
            let log = try train(stage) { answer, frame in
                if answer == 0 { first.withLock { $0 = frame } }
                return answer == wrong ? .becomes(garbage.make(frame, first.withLock { $0 })) : .arrives
            }
            #expect(log.contains("its answer is no gradient"), "\(log)")
        }
    }

    @Test func aStoppedTrainingGoesOnWithAnotherNumberOfRanks() throws {
        let run = try RankedRun()
        let network = LocalRanks(3)
        #expect(throws: RunInterrupted.self) {
            try run.run(
                network, only: Self.stages, cancellation: Cancellation { network.answers(of: 2) > 3 })
        }
        try run.run(LocalRanks(2), only: Self.stages)
        try run.expectTheSame(Self.stages)
    }
}
