import Files
import JSON
import SystemPackage
import Testing

@testable import ArtifactStore
@testable import Audit
@testable import Recipes
@testable import Runs

/// The steps of a check that compute something again, and what can't be computed.
@Suite struct VerifyResultTests {
    @Test func aChangedMetricIsFoundByItsStep() throws {
        let run = try FinishedRun()
        let curve = try run.artifact("single").appending("artifact.json")
        try run.edit(curve, #""sum": 67.5"#, #""sum": 68.5"#)
        let problems = try run.verify().problems("single")
        #expect(problems == [.results: "The metric sum is 68.5, but should be 67.5."])
        try run.edit(curve, #""sum": 68.5"#, #""sum": 67.5"#)
        let source = try run.artifact("numbers").appending("artifact.json")
        try run.edit(source, #""count": 5"#, #""count": 6"#)
        let verification = try run.verify()
        #expect(verification.problems("numbers")[.reruns] == "The metric count is 6, but should be 5.")
        #expect(verification.problems("numbers")[.results] == nil)
    }

    @Test func aChangedSampleIsFoundThoughItsHashIsRight() throws {
        let run = try FinishedRun()
        let samples = try run.artifact("single").appending("samples.jsonl")
        try run.edit(samples, #""square":16"#, #""square":17"#)
        try run.reseal("single")
        let problems = try run.verify().problems("single")
        #expect(problems[.artifacts] == nil)
        #expect(problems[.results]?.contains("The metric sum is 67.5, but should be 68.") == true)
        #expect(
            problems[.results]?.contains("The summary is \"sum 135\", but should be \"sum 136\".") == true)
        // With the numbers made to fit, only computing the sample again tells.
        let record = try run.artifact("single").appending("artifact.json")
        try run.edit(record, #""sum": 67.5"#, #""sum": 68"#)
        try run.edit(record, "sum 135", "sum 136")
        #expect(try run.verify().problems("single") == [:])
        let verification = try run.verify(samples: 1000)
        #expect(verification.problems("single") == [.samples: "Sample 2 (1): square was 17, is 16."])
        #expect(verification.sampling?.drawn == 20 && verification.sampling?.total == 20)
    }

    @Test func recordsOfOtherSamplesAreFound() throws {
        let run = try FinishedRun()
        let samples = try run.artifact("single").appending("samples.jsonl")
        try run.edit(samples, #"{"key":4,"value":{"square":49}}"# + "\n", "")
        try run.reseal("single")
        #expect(
            try run.verify().problems("single")[.results]?.contains(
                "has 4 records, but the stage has 5 samples") == true)
        try run.edit(samples, #"{"key":2"#, #"{"key":7"#)
        try run.reseal("single")
        #expect(
            try run.verify().problems("single")[.results]?.contains(
                "record 3 is of sample 7, but it should be 2") == true)
    }

    @Test func anEditedTableIsFoundWithItsLine() throws {
        let run = try FinishedRun()
        try run.edit(try run.artifact("table").appending("table.txt"), "alone 67.5", "alone 97.5")
        try run.reseal("table")
        #expect(
            try run.verify().problems("table") == [
                .reruns:
                    "table.txt differs from line 2 on: recorded \"alone 97.5\", made again \"alone 67.5\"."
            ])
    }

    @Test func theSeedDecidesWhichSamplesAreDrawn() throws {
        let run = try FinishedRun()
        func drawn(_ seed: UInt64) throws -> [Verification.Check] {
            try run.verify(samples: 4, seed: seed).checks.filter { $0.step == .samples }
        }
        #expect(try drawn(1).count == 4 && drawn(1) == drawn(1))
        #expect(try Set((1...8).map { try drawn($0) }).count > 4)
    }

    @Test func aRunWithoutConfigurationIsCheckedAsFarAsItGoes() throws {
        let run = try FinishedRun()
        try FileSystem.remove(run.location.folder.appending("experiment.json"))
        let verification = try run.verify(samples: 2)
        #expect(!verification.holds && verification.problems() == [:])
        #expect(verification.checks.count { $0.step == .artifacts } == 6)
        #expect(verification.text.contains("give it with --config"))
        #expect(verification.text.hasSuffix("\n1 of 8 couldn't be made.\n"))
        let given = try run.verify(samples: 2, given: try parse(chain))
        #expect(given.holds, "\(given.text)")
        let other = try run.verify(given: try parse(chain, set: ["stages.single.groupSize=2"]))
        #expect(!other.holds && other.text.contains("\"single\" first"), "\(other.text)")
    }

    @Test func aKindThatChangedSinceIsSaidToBeUnchecked() throws {
        let run = try FinishedRun()
        let registry = StageRegistry([NewerToySource.self, ToyCurve.self, ToyTable.self])
        let verification = try run.verify(registry: registry)
        #expect(!verification.holds && verification.problems() == [:])
        let unchecked = verification.checks.filter { $0.outcome.name == "unchecked" }
        #expect(unchecked.count == 7)
        #expect(
            unchecked.contains {
                $0.subject == "numbers"
                    && $0.outcome
                        == .unchecked(
                            "This version of the program gives the stage another recipe: kind version: 1 → 2."
                        )
            }, "\(verification.text)")
    }

    @Test func anOlderRecordWithoutAConfigurationIsFormat1() throws {
        let run = try FinishedRun()
        let path = run.location.folder.appending("run.json")
        try run.edit(path, #""format": 2"#, #""format": 1"#)
        for stage in run.location.record.stages {
            try run.edit(path, "\"\(stage.artifact)\"", "\"\(stage.artifact.lastComponent?.string ?? "")\"")
        }
        try FileSystem.remove(run.location.folder.appending("experiment.json"))
        let verification = try run.verify()
        #expect(verification.problems() == [:] && verification.checks.count { $0.step == .artifacts } == 6)
    }

    @Test func aRunThatDidNotFinishDoesNotHold() throws {
        let folder = try TemporaryFolder()
        let store = Store(folder.path.appending("store"))
        let experiment = try parse(chain, set: ["stages.single.failAfter=2"])
        #expect(throws: StageFailure.self) { try Runner(experiment, store: store).run() }
        let verification = try Verifier(RunLocation.find("toy/chain", in: store), registry: toys).verify()
        #expect(verification.problems("run.json")[.record]?.hasPrefix("The run failed: only ") == true)
        #expect(verification.problems().keys.elementsEqual([.record]), "\(verification.text)")
    }
}
