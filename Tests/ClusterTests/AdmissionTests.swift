import ArtifactStore
import Files
import JSON
import Ranks
import Runs
import SystemPackage
import TestSupport
import Testing

/// A rank that would compute something else, or something from somewhere else, isn't used.
@Suite struct AdmissionTests {
    static let stages = ["trajectories"]

    @Test func anotherStoreIsRefusedAndTheOthersGoOn() throws {
        let (run, other) = (try RankedRun(), try ScratchFolder())
        let network = LocalRanks(3)
        let log = try run.run(network, only: Self.stages) { rank in
            guard rank == 1 else { return nil }
            return try RankedRun.equipment(
                RankedRun.experiment(), Store(other.path.appending("elsewhere")))
        }
        #expect(log.contains("rank 1 (") && log.contains("doesn't see this run's store"), "\(log)")
        #expect(network.answers(of: 1) == 1 && network.answers(of: 2) > 2)
        try run.expectTheSame(Self.stages)
    }

    @Test func anotherExperimentIsRefused() throws {
        let run = try RankedRun()
        let error = #expect(throws: RanksRefusedError.self) {
            try run.run(LocalRanks(2), only: Self.stages) { _ in
                try RankedRun.equipment(
                    RankedRun.experiment(set: ["seed=8"]), run.store)
            }
        }
        #expect(error?.description.contains("it read another experiment") == true, "\(error as Any)")
    }

    @Test func anotherLibraryIsRefused() throws {
        let run = try RankedRun()
        let error = #expect(throws: RanksRefusedError.self) {
            try run.run(LocalRanks(2), only: Self.stages) { _ in
                try RankedRun.equipment(
                    RankedRun.experiment(), run.store, machine: ["blas": ["core": "Haswell"]])
            }
        }
        #expect(
            error?.description.contains("its numbers could differ, because machine.blas does") == true,
            "\(error as Any)")
    }

    @Test func aRankThatCannotStartSaysWhy() throws {
        let run = try RankedRun()
        let log = try run.run(LocalRanks(3), only: Self.stages) { rank in
            guard rank == 1 else { return nil }
            throw FileError("write", "/scratch/room", .noSpace)
        }
        #expect(log.contains("rank 1") && log.contains("pace left on device"), "\(log)")
        try run.expectTheSame(Self.stages)
    }
}
