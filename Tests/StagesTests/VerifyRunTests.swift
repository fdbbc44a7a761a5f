import ArtifactStore
import Audit
import Files
import JSON
import Runs
import SystemPackage
import TestSupport
import Testing

@testable import Stages

/// Checks of a real chain: one run, of which every test has a copy.
@Suite struct VerifyRunTests {
    /// Made once for all tests of the suite; never changed.
    private static let original = Result { () throws -> (micro: MicroExperiment, run: FilePath) in
        let micro = try MicroExperiment()
        let record = try micro.run(only: ["hot", "student", "adapterStudent", "vanilla"]).record
        return (micro, try #require(record))
    }

    let scratch: ScratchFolder
    let store: Store
    let location: RunLocation

    init() throws {
        let (micro, run) = try Self.original.get()
        scratch = try ScratchFolder()
        store = Store(scratch.path.appending("store"))
        for file in try ScratchFolder.files(below: micro.store.root) {
            let target = store.root.pushing(FilePath(file))
            try FileSystem.createDirectory(target.removingLastComponent())
            try FileSystem.writeAtomically(
                try FileSystem.read(micro.store.root.pushing(FilePath(file))), to: target)
        }
        let name = try #require(run.lastComponent)
        location = try RunLocation.find(
            store.root.pushing("micro/runs").appending(name).string, in: store)
    }

    private func verify(samples: Int = 0) throws -> Verification {
        try Verifier(
            location, registry: Stages.registry, options: .init(samples: samples, seed: 4, threads: 2)
        ).verify()
    }

    private func artifact(_ stage: String) throws -> FilePath {
        store.root.pushing(try #require(location.record[stage]).artifact)
    }

    /// Changes texts of an artifact's file and makes its list of files true again.
    private func edit(_ stage: String, _ file: String, _ changes: [(String, String)]) throws {
        let folder = try artifact(stage)
        var text = try FileSystem.readText(folder.appending(file))
        for (old, new) in changes {
            try #require(text.contains(old), "no \(old)")
            text = text.replacing(old, with: new, maxReplacements: 1)
        }
        try FileSystem.writeAtomically(text, to: folder.appending(file))
        try reseal(folder)
    }

    private func reseal(_ folder: FilePath) throws {
        let path = folder.appending("artifact.json")
        var record = try #require(
            JSONValue(JSONDocument(parsing: FileSystem.read(path), name: "").root).object)
        record["files"] = .array(
            try ScratchFolder.files(below: folder).filter { $0 != "artifact.json" }.map { file in
                let bytes = try FileSystem.read(folder.pushing(FilePath(file)))
                return [
                    "path": .string(file), "size": .integer(bytes.count),
                    "sha256": .string(SHA256.hex(of: bytes)),
                ]
            })
        try FileSystem.writeAtomically(JSONValue.object(record).prettyBytes(), to: path)
    }

    private func problems(_ verification: Verification, _ stage: String) -> [Verification.Step: String] {
        var found: [Verification.Step: String] = [:]
        for check in verification.checks where check.subject == stage {
            if case .broken(let problems) = check.outcome {
                found[check.step] = problems.joined(separator: "\n")
            }
        }
        return found
    }

    @Test func everyKindIsCheckedAndEverySampleComesOutTheSame() throws {
        let verification = try verify(samples: 1000)
        #expect(verification.holds, "\(verification.text)")
        let checked = Set(verification.checks.filter { $0.step == .results }.map(\.subject))
        #expect(checked == ["teacher", "trajectories", "student", "adapterStudent", "vanilla", "hot"])
        #expect(
            verification.checks.filter { $0.step == .reruns }.map(\.subject) == ["problems", "tokenizer"])
        #expect(verification.sampling?.drawn == 24 + 36 + 6)
        #expect(Set(verification.checks.filter { $0.step == .samples }.map(\.subject)).count == 3)
    }

    @Test func aVerdictIsFoundThoughHashesAndNumbersWereMadeToFit() throws {
        let records = try Journal.read(try artifact("vanilla").appending("samples.jsonl"))
        let wrong = try #require(records.first { $0.value["correct"]?.bool == false })
        let id = try #require(wrong.value["id"]?.string)
        let hash = try #require(wrong.value["promptHash"]?.string)
        let old = #""promptHash":"\#(hash)","correct":false"#
        try edit("vanilla", "samples.jsonl", [(old, old.replacing("false", with: "true"))])
        let found = problems(try verify(), "vanilla")
        #expect(found[.artifacts] == nil)
        #expect(
            found[.results]?.contains(
                "the record of \"\(id)\" says that its answer is right, but the grader finds it wrong")
                == true, "\(found)")
    }

    @Test func tokensThatTheModelDoesNotGiveAreFoundByDecodingAgain() throws {
        let records = try Journal.read(try artifact("trajectories").appending("trajectories.jsonl"))
        let record = try #require(records.first)
        let steps = try #require(record.value["unmaskStep"]?.array?.compactMap { $0.int })
        func text(_ steps: [Int]) -> String {
            #""unmaskStep":["# + steps.map(String.init).joined(separator: ",") + "]"
        }
        var swapped = steps
        swapped.swapAt(3, 4)
        try edit("trajectories", "trajectories.jsonl", [(text(steps), text(swapped))])
        #expect(problems(try verify(), "trajectories") == [:])
        let found = problems(try verify(samples: 1000), "trajectories")
        #expect(
            found[.samples]
                == "Sample 1 (\"train-0\"): unmaskStep differs from position 3 on: was \(swapped[3]), is \(steps[3])."
        )
    }

    @Test func aLogOfTrainingThatWasChangedIsFound() throws {
        let path = try artifact("student").appending("training.jsonl")
        let text = try FileSystem.readText(path)
        let line = try #require(text.split(separator: "\n").last)
        let root = try JSONDocument(parsing: Array(line.utf8), name: "line").root
        let loss = try #require(root["groups"]?.array?.first?["crossEntropy"])
        let written = String(decoding: Array(line.utf8)[loss.range], as: UTF8.self)
        try edit("student", "training.jsonl", [("\"crossEntropy\":\(written)", "\"crossEntropy\":0.125")])
        #expect(problems(try verify(), "student")[.results]?.contains("but should be 0.125") == true)
        try edit("student", "training.jsonl", [("\"step\":20", "\"step\":19")])
        #expect(
            problems(try verify(), "student")[.results]?.contains("should tell of phase d3llm, step 20")
                == true)
    }

    @Test func countsThatCannotBeAreNoCrash() throws {
        let path = try artifact("vanilla").appending("samples.jsonl")
        let text = try FileSystem.readText(path)
        let huge = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.replacing("\"tokens\":", with: "\"tokens\":92233720368547758")
        }
        try FileSystem.writeAtomically(huge.joined(separator: "\n"), to: path)
        try reseal(try artifact("vanilla"))
        #expect(problems(try verify(), "vanilla")[.results]?.contains("is no result of a problem") == true)
    }

    @Test func otherWeightsAreFound() throws {
        let weights = try artifact("student").appending("model.safetensors")
        try FileSystem.writeAtomically(
            try FileSystem.read(weights), to: try artifact("teacher").appending("model.safetensors"))
        let hashed = try verify()
        #expect(problems(hashed, "teacher")[.artifacts]?.contains("Its file model.safetensors has") == true)
        // With hashes made to fit, what was made from it knows the content that it had.
        try reseal(try artifact("teacher"))
        let resealed = try verify(samples: 1000)
        #expect(problems(resealed, "teacher") == [:])
        #expect(problems(resealed, "vanilla")[.artifacts]?.contains("isn't what it was made from") == true)
        #expect(problems(resealed, "vanilla")[.samples]?.contains(": was") == true, "\(resealed.text)")
    }
}
