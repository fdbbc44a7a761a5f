import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Audit
@testable import Runs

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The first step of a check: files, hashes, recipes, inputs.
@Suite struct VerifyArtifactTests {
    @Test func aRunThatNobodyTouchedHoldsAndStaysAsItIs() throws {
        let run = try FinishedRun()
        let before = try run.contents()
        let verification = try run.verify(samples: 6)
        #expect(verification.holds, "\(verification.text)")
        for step in Verification.Step.allCases { #expect(verification.checks.contains { $0.step == step }) }
        #expect(verification.checks.count { $0.step == .artifacts } == 6)
        #expect(try run.contents() == before)
    }

    @Test func aFlippedByteOfAnyFileIsFound() throws {
        let run = try FinishedRun()
        for stage in ["numbers", "curve[threshold=0.5]", "table"] {
            let folder = try run.artifact(stage)
            for file in try ScratchFolder.files(below: folder) where file != "artifact.json" {
                let path = folder.pushing(FilePath(file))
                let whole = try FileSystem.read(path)
                for place in [0, whole.count / 2, whole.count - 1] {
                    var bytes = whole
                    bytes[place] ^= 1
                    try FileSystem.writeAtomically(bytes, to: path)
                    let problem = try run.verify().problems(stage)[.artifacts]
                    #expect(
                        problem?.contains("Its file \(file) has the SHA-256") == true, "\(stage) \(place)")
                }
                try FileSystem.writeAtomically(whole, to: path)
            }
        }
        #expect(try run.verify().holds)
    }

    /// What artifact.json says of content and making; the rest of it (names, times, the machine) is only told.
    @Test func aFlippedByteOfTheRecordIsFound() throws {
        let run = try FinishedRun()
        let path = try run.artifact("curve[threshold=0.5]").appending("artifact.json")
        let whole = try FileSystem.read(path)
        let told = ["format", "experiment", "stage", "report", "inputs", "reference", "artifact", "content"]
        var start = 0
        for line in whole.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            defer { start += line.count + 1 }
            let text = String(decoding: line, as: UTF8.self)
            if text.contains("\"started\"") { break }
            // The recipe's own keys are hashed: there, all of these names count.
            let isTold = told.contains { text.contains("\"\($0)\": ") && !text.hasPrefix("    \"") }
            guard !isTold, !text.hasPrefix("        "), line.count > 8 else { continue }
            var bytes = whole
            bytes[start + line.count - 4] ^= 1
            try FileSystem.writeAtomically(bytes, to: path)
            #expect(try !run.verify().holds, "\(text)")
        }
    }

    @Test func whatIsMissingOrTooMuchIsFound() throws {
        let run = try FinishedRun()
        let folder = try run.artifact("single")
        try FileSystem.createDirectory(folder.appending("more"))
        try FileSystem.writeAtomically("x", to: folder.appending("more").appending("stray"))
        #expect(
            try run.verify().problems("single")[.artifacts]
                == "It holds more/stray, which its artifact.json doesn't list.")
        try FileSystem.remove(folder.appending("more"))
        let samples = folder.appending("samples.jsonl")
        let bytes = try FileSystem.read(samples)
        try FileSystem.remove(samples)
        #expect(try run.verify().problems("single")[.artifacts] == "Its file samples.jsonl is missing.")
        let elsewhere = run.folder.path.appending("elsewhere")
        try FileSystem.writeAtomically(bytes, to: elsewhere)
        #expect(symlink(elsewhere.string, samples.string) == 0)
        #expect(try run.verify().problems("single")[.artifacts] == "Its file samples.jsonl is no plain file.")
        try FileSystem.remove(folder)
        let problems = try run.verify()
        #expect(problems.problems("single")[.artifacts]?.contains("isn't in the store") == true)
        #expect(
            problems.problems("table")[.artifacts]?.contains("Its input curves (@single) isn't in the store")
                == true)
    }

    @Test func aListOfFilesThatLeavesTheFolderIsRefused() throws {
        let run = try FinishedRun()
        let path = try run.artifact("single").appending("artifact.json")
        try run.edit(path, #""path": "samples.jsonl""#, #""path": "../samples.jsonl""#)
        let problem = try run.verify().problems("single")[.artifacts]
        #expect(problem?.contains("an entry that can't be: ../samples.jsonl") == true)
    }

    @Test func exchangedArtifactsAreFound() throws {
        let run = try FinishedRun()
        let (a, b) = (try run.artifact("curve[threshold=0.25]"), try run.artifact("curve[threshold=1]"))
        let third = run.folder.path.appending("third")
        try FileSystem.rename(a, to: third)
        try FileSystem.rename(b, to: a)
        try FileSystem.rename(third, to: b)
        let verification = try run.verify()
        for stage in ["curve[threshold=0.25]", "curve[threshold=1]"] {
            #expect(verification.problems(stage)[.artifacts]?.contains("holds another artifact") == true)
        }
    }

    @Test func anInputThatWasReplacedTogetherWithItsHashesIsFound() throws {
        let run = try FinishedRun()
        let numbers = try run.artifact("numbers").appending("data").appending("numbers.txt")
        try run.edit(numbers, "5", "9")
        try run.reseal("numbers")
        let verification = try run.verify()
        #expect(verification.problems("numbers")[.artifacts] == nil)
        #expect(
            verification.problems("numbers")[.reruns]?.contains("data/numbers.txt differs from line 3 on")
                == true)
        let expected = "Its input data (@numbers) isn't what it was made from"
        #expect(verification.problems("curve[threshold=1]")[.artifacts]?.contains(expected) == true)
    }

    @Test func whatAnotherExperimentMadeIsFoundAndChecked() throws {
        let run = try FinishedRun()
        let other = chain.replacing("toy/chain", with: "toy/other").replacing(
            "0.25, 0.5, 1", with: "0.25, 0.75")
        let outcome = try Runner(try parse(other), store: run.store).run()
        let location = try RunLocation.find(try #require(outcome.record).string, in: run.store)
        #expect(location.record["numbers"]?.artifact.string.hasPrefix("toy/chain/numbers-") == true)
        func verify() throws -> Verification { try Verifier(location, registry: toys).verify() }
        #expect(try verify().holds)
        try FileSystem.remove(try run.artifact("numbers"))
        #expect(try verify().problems("numbers")[.artifacts]?.contains("isn't in the store") == true)
    }
}
