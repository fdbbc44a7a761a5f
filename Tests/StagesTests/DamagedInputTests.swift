import ArtifactStore
import Base
import Files
import Recipes
import Runs
import SystemPackage
import TestSupport
import Testing
import Tokenizers

@testable import ModelStages
@testable import StageBasics
@testable import Stages

/// Files of the store that were changed by something else than the runner.
@Suite struct DamagedInputTests {
    let micro: MicroExperiment

    init() throws { micro = try MicroExperiment() }

    /// Runs, and gives the failure after making sure that nothing half-made is left.
    private func failure(set overrides: [String] = [], only: String) throws -> StageFailure {
        let error = #expect(throws: StageFailure.self) {
            try micro.run(set: overrides, only: [only])
        }
        #expect(try micro.halfWritten() == [])
        return try #require(error)
    }

    @Test func aTruncatedFileIsNoticedAndMadeAgain() throws {
        let first = try micro.run(only: ["vanilla"])
        let path = try #require(first.artifact("vanilla")).folder.appending("samples.jsonl")
        let whole = try FileSystem.read(path)
        try FileSystem.writeAtomically(whole.dropLast(100), to: path)
        let log = LogText()
        let second = try micro.run(only: ["vanilla"], log: log)
        #expect(second.stages.filter { !$0.wasCached }.map(\.stage) == ["vanilla"])
        #expect(log.text.contains("its file samples.jsonl has \(whole.count - 100) bytes instead of"))
        #expect(try FileSystem.read(path) == whole)
    }

    @Test func aTornJournalOfAnArtifactIsRefused() throws {
        let path = try #require(try micro.run(only: ["vanilla"]).artifact("vanilla")).folder.appending(
            "samples.jsonl")
        try MicroExperiment.forge(path) { $0[$0.count - 1] = UInt8(ascii: " ") }
        let failure = try failure(only: "table")
        #expect(failure.stage == "table" && failure.underlying is JournalError)
        #expect(failure.description.contains("\(path) ends in the middle of a record"))
    }

    @Test func aRecordOfAnotherFormIsNamed() throws {
        let folder = try #require(try micro.run(only: ["trajectories"]).artifact("trajectories")).folder
        let path = folder.appending("trajectories.jsonl")
        let whole = try FileSystem.read(path)
        for (old, new, expected) in [
            (#""correct""#, #""corrext""#, "train-0\" is no trajectory"),
            // A token that the vocabulary doesn't have, and a step less than there are tokens.
            (#""response":[47"#, #""response":[99"#, "train-0\" is no trajectory"),
            (#""unmaskStep":[0,1"#, #""unmaskStep":[111"#, "train-0\" is no trajectory"),
            (#""id":"train-0""#, #""id":"train-x""#, "no problem train-x"),
        ] {
            try FileSystem.writeAtomically(whole, to: path)
            try MicroExperiment.forge(path) { replace(old, with: new, in: &$0) }
            #expect(try FileSystem.read(path) != whole, "the fixture has no \(old)")
            let failure = try failure(only: "student")
            #expect(
                failure.stage == "student" && failure.failureKind == .inputOutput, "\(failure)")
            #expect(failure.description.contains("\(path)"), "\(failure)")
            #expect(failure.description.contains(expected), "\(failure)")
        }
    }

    @Test func aDamagedCheckpointIsNamed() throws {
        let teacher = try #require(try micro.run(only: ["teacher"]).artifact("teacher")).folder
        let path = teacher.appending("model.safetensors")
        let whole = try FileSystem.read(path)
        for damage in [0, 1, 9, 200] {
            try FileSystem.writeAtomically(whole, to: path)
            try MicroExperiment.forge(path) { $0[damage] ^= 0x55 }
            let failure = try failure(only: "trajectories")
            #expect(failure.failureKind == .inputOutput, "\(failure)")
            #expect(failure.description.contains("\(path)"), "\(failure)")
        }
    }

    @Test func aTokenizerOfAnotherModelIsRefused() throws {
        let teacher = try #require(try micro.run(only: ["teacher"]).artifact("teacher")).folder
        let words = (0..<100).map { number in String(repeating: "w", count: number + 1) }
        try WordLevelTokenizer.train(on: words, vocabularyLimit: 200).write(to: teacher)
        let error = #expect(throws: DamagedFileError.self) { try ModelTokens(teacher) }
        #expect(error?.description.contains("the tokenizer has 10") == true)
        #expect(error?.description.contains("they don't belong together") == true)
    }

    @Test func aResponseThatDoesNotFitNamesItsProblem() throws {
        let failure = try failure(set: ["stages.teacher.generationLength=8"], only: "teacher")
        #expect(failure.underlying is DataError)
        #expect(failure.description.contains("problem train-0: the response has"), "\(failure)")
        #expect(failure.description.contains("generationLength is 8; raise it"), "\(failure)")
    }

    @Test func aTeacherThatIsNeverRightLeavesNothingToLearn() throws {
        let folder = try #require(try micro.run(only: ["trajectories"]).artifact("trajectories")).folder
        try MicroExperiment.forge(folder.appending("trajectories.jsonl")) { bytes in
            let right = #""correct":true,"attempt":0,"nfe":48"#
            while String(decoding: bytes, as: UTF8.self).contains(right) {
                replace(right, with: #""correct":false,"attempt":0,"nfe":4"#, in: &bytes)
            }
        }
        let failure = try failure(only: "student")
        #expect(failure.underlying is DataError)
        #expect(failure.description.contains("the teacher got no problem right"), "\(failure)")
    }

    @Test func aDamagedCheckpointOfAStoppedTrainingSaysWhatToDo() throws {
        try micro.run(only: ["tokenizer"])
        let text = try FileSystem.readText(Fixtures.path("experiments/micro.json"))
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "micro.json", registry: Stages.registry)
        let fingerprint = try #require(experiment["teacher"]).fingerprint
        let work = micro.store.root.appending(".work").appending(fingerprint)
        try FileSystem.createDirectory(work)
        try FileSystem.writeAtomically("rubbish", to: work.appending("checkpoint.safetensors"))
        let failure = try failure(only: "teacher")
        #expect(failure.description.contains("checkpoint.safetensors"), "\(failure)")
        #expect(failure.failureKind == .inputOutput)
    }
}
