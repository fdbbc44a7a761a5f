import ArtifactStore
import Audit
import Evaluation
import Files
import JSON
import Recipes
import Runs
import SystemPackage
import TestModels
import TestSupport
import Testing
import Tokenizers

@testable import DataStages
@testable import DecodingStages
@testable import ModelStages
@testable import Stages

/// TAD's recipe in a chain, and what its teacher reads.
@Suite struct TADStageTests {
    private static func student(_ options: String) -> String {
        #"stages.d2fStudent={"kind": "distill", "teacher": "@teacher", "trajectories": "@trajectories", "data": "@problems", "steps": 6, "batch": 8, "checkpointSeconds": 0.1, "recipe": "tad", "tad": {\#(options)}}"#
    }

    @Test func aStudentLearnsWhatComesNextAndWhatItsTeacherThinksOfTheRest() throws {
        let micro = try MicroExperiment()
        var weights: Set<String> = []
        for options in [
            "", #""teacherReads": "question""#, #""teacherReads": "empty""#, #""studentReads": "answer""#,
            #""temperature": 2"#, #""reach": 1"#,
        ] {
            let outcome = try micro.run(set: [Self.student(options)], only: ["d2fStudent"])
            let folder = try #require(outcome.artifact("d2fStudent")).folder
            weights.insert(try SHA256.hex(ofFile: folder.appending("model.safetensors")))
            let log = try FileSystem.readText(folder.appending("training.jsonl")).split(separator: "\n")
            let first = try JSONDocument(parsing: Array(try #require(log.first).utf8), name: "log").root
            #expect(first["groups"]?.array?.compactMap { $0["name"]?.string } == ["near", "far"])
            #expect(first["loss"]?.double?.isFinite == true)
        }
        // A tokenizer of words has no word for the message, so that an empty one is none.
        #expect(weights.count == 5)
        let run = try #require(
            try micro.run(set: [Self.student("")], only: ["d2fStudent"]).record
                ?? micro.store.runs(of: "micro").last)
        let verification = try Verifier(
            try RunLocation.find(run.string, in: micro.store), registry: Stages.registry,
            options: .init(samples: 0, seed: 1, threads: 2)
        ).verify()
        #expect(verification.holds, "\(verification.text)")
    }

    /// The teacher's answers come of another prompt, and are learned behind the question.
    @Test func trajectoriesOfATeacherThatHasReadTheAnswer() throws {
        let micro = try MicroExperiment()
        func records(_ set: [String]) throws -> [TrajectoryRecord] {
            let outcome = try micro.run(set: set, only: ["trajectories"])
            let folder = try #require(outcome.artifact("trajectories")).folder
            return try Journal.read(folder.appending("trajectories.jsonl")).map {
                try #require(TrajectoryRecord($0.value))
            }
        }
        let (plain, knowing) = (try records([]), try records(["stages.trajectories.reads=\"answer\""]))
        #expect(plain.map(\.id) == knowing.map(\.id))
        #expect(plain.map(\.response) != knowing.map(\.response))
        #expect(knowing.allSatisfy { $0.prompt == nil })
        // Written out, the default is no other recipe.
        let outcome = try micro.run(set: ["stages.trajectories.reads=\"question\""], only: ["trajectories"])
        #expect(outcome.stages.filter { !$0.wasCached }.isEmpty)
    }

    @Test func whereTheAnswerStands() throws {
        let scratch = try ScratchFolder()
        let folder = scratch.path.appending("model")
        try TinyCheckpoint.write("llada_a", to: folder)
        let known = try ModelTokens(folder)
        let item = try #require(
            DataSet(Fixtures.path("live/problems"), name: "problems").items(.test).first)
        #expect(item.reference.contains("####"))
        func text(_ answer: String?) throws -> String {
            let ids =
                try answer.map { try known.encoder.prompt(item, reading: $0, room: 1) }
                ?? known.encoder.prompt(item, room: 1)
            return known.tokenizer.decode(tokenIds: ids.map(Int.init))
        }
        let (plain, reading, empty) = (try text(nil), try text("XYZ"), try text(""))
        #expect(!plain.contains("Reference Answer"))
        let system = "<|im_start|>system\nReference Answer: XYZ<|im_end|>\n"
        #expect(reading.contains(system), "\(reading)")
        #expect(reading.replacing(system, with: "") == plain)
        #expect(empty.contains("Reference Answer:") && !empty.contains("XYZ"))
    }

    @Test func answersThatAreNowhereAreAsked() throws {
        let micro = try MicroExperiment()
        let set = Self.student("").replacing(#""data": "@problems", "#, with: "")
        #expect {
            try micro.run(set: [set], only: ["d2fStudent"])
        } throws: { "\($0)".contains("\"data\"") }
    }
}
