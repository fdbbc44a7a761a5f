import Files
import JSON
import Parity
import SystemPackage
import TestSupport
import Testing

/// What the runner says when something is wrong.
@Suite struct ParityRunnerTests {
    /// A folder with one recorded case, changed by `edit`, and its model; removed afterwards.
    private func withCase(
        file: String = "decode_llada.json", _ edit: (String) -> String, _ check: (FilePath) throws -> Void
    ) throws {
        let folder = FilePath("/tmp/d3llm-parity-\(UInt64.random(in: 0...UInt64.max))")
        let golden = Fixtures.path("golden")
        try FileSystem.createDirectory(folder.appending("models/llada_a"))
        defer { try? FileSystem.remove(folder) }
        for name in ["config.json", "model.safetensors"] {
            let path = "models/llada_a/\(name)"
            try FileSystem.writeAtomically(
                try FileSystem.read(golden.pushing(FilePath(path))), to: folder.pushing(FilePath(path)))
        }
        let bytes = try FileSystem.read(golden.appending("decode_llada.json"))
        let document = try JSONDocument(parsing: bytes, name: "cases")
        let first = try #require(document.root["cases"]?.array?.first)
        let text = String(decoding: bytes[first.range], as: UTF8.self)
        try FileSystem.writeAtomically("{\"cases\": [\(edit(text))]}", to: folder.appending(file))
        try check(folder)
    }

    private func report(_ folder: FilePath) throws -> (lines: [String], hasPassed: Bool) {
        var lines: [String] = []
        let outcome = try ParityRunner(folder).run { lines.append($0) }
        // The same cases are decoded again with drafts, which says the same once more.
        return (Array(lines.prefix { !$0.hasPrefix("spiffy/") }), outcome.hasPassed)
    }

    @Test func anUnchangedCasePasses() throws {
        try withCase({ $0 }) { folder in
            let (lines, hasPassed) = try report(folder)
            #expect(hasPassed && lines == ["llada/decode: 1 passed, 0 failed"])
        }
    }

    @Test func aDifferentTokenIsReportedWithStepPositionAndBothCandidates() throws {
        try withCase({ $0.replacing("[316,200,131,215,124,7,", with: "[316,200,131,215,124,8,") }) {
            folder in
            let (lines, hasPassed) = try report(folder)
            #expect(!hasPassed)
            #expect(lines.first == "llada/decode: 0 passed, 1 failed")
            let text = lines.last ?? ""
            #expect(text.hasPrefix("  first divergence: llada-dev-000 (d3llm_generate): step "))
            #expect(text.contains(", position 5: 7 with probability "))
            #expect(text.contains("margin to the runner-up"))
            #expect(text.hasSuffix("; expected 8."))
        }
    }

    @Test func aDifferentCountIsReported() throws {
        try withCase({ $0.replacing("\"nfe\":64", with: "\"nfe\":65") }) { folder in
            let (lines, hasPassed) = try report(folder)
            #expect(!hasPassed)
            #expect((lines.last ?? "").hasSuffix("the tokens agree, but NFE: 64; expected 65."))
        }
    }

    @Test func aMissingMemberFailsTheKindWithItsPlace() throws {
        try withCase({ $0.replacing("\"nfe\"", with: "\"nef\"") }) { folder in
            let (lines, hasPassed) = try report(folder)
            #expect(!hasPassed)
            #expect(
                (lines.last ?? "").contains(
                    "decode_llada.json:1:12: case llada-dev-000 lacks the key \"nfe\", a whole number."))
        }
    }

    @Test func aWrongTypeFailsTheKindWithItsPlace() throws {
        try withCase({ $0.replacing("\"nfe\":64", with: "\"nfe\":\"many\"") }) { folder in
            let lines = try report(folder).lines
            #expect(
                (lines.last ?? "").contains(
                    "\"nfe\" of case llada-dev-000 should be a whole number; this is \"many\"."))
        }
    }

    @Test func anUnknownMethodOrParameterIsNamed() throws {
        try withCase({ $0.replacing("\"d3llm_generate\"", with: "\"d4llm\"") }) { folder in
            let lines = try report(folder).lines
            #expect((lines.last ?? "").contains("\"d4llm\" isn't a known method; known are d2f,"))
        }
        try withCase({ $0.replacing("\"steps\"", with: "\"stops\"") }) { folder in
            let lines = try report(folder).lines
            #expect((lines.last ?? "").contains("there is no parameter \"stops\" in method"))
        }
    }

    @Test func aMissingModelFailsTheCase() throws {
        try withCase({ $0.replacing("\"llada_a\"", with: "\"llada_z\"") }) { folder in
            let (lines, hasPassed) = try report(folder)
            #expect(!hasPassed && (lines.last ?? "").contains("llada_z"))
        }
        try withCase({ $0.replacing("\"llada_a\"", with: "\"../x\"") }) { folder in
            let lines = try report(folder).lines
            #expect((lines.last ?? "").contains("can't be the name of a model"))
        }
    }

    @Test func brokenJSONIsAFailureNotACrash() throws {
        try withCase({ _ in "{\"id\": " }) { folder in
            let (lines, hasPassed) = try report(folder)
            #expect(!hasPassed && lines.first == "llada/decode: 0 passed, 1 failed")
            #expect((lines.last ?? "").contains("decode_llada.json:1:"))
        }
        try withCase({ _ in "" }) { folder in
            let lines = try report(folder).lines
            #expect((lines.last ?? "").contains("\"cases\" of the file is empty"))
        }
    }

    @Test func aTokenOutsideTheVocabularyFailsTheCase() throws {
        try withCase({ $0.replacing("\"prompt\":[316,", with: "\"prompt\":[100316,") }) { folder in
            let lines = try report(folder).lines
            #expect((lines.last ?? "").contains("has token 100316"))
        }
    }

    @Test func kindsWithoutCasesAreSkippedByName() throws {
        try withCase(file: "grading.json", { $0 }) { folder in
            let (lines, hasPassed) = try report(folder)
            #expect(
                hasPassed
                    && lines == [
                        "grading/answers: skipped, the file has no answers",
                        "grading/programs: skipped, the file has no programs",
                    ])
        }
    }

    @Test func aTraceWithoutItsCaseIsAFailure() throws {
        try withCase({ $0 }) { folder in
            try FileSystem.writeAtomically(
                "{\"traces\": [{\"id\": \"x\", \"trace\": []}]}",
                to: folder.appending("decode_llada_traces.json"))
            let lines = try report(folder).lines
            #expect(lines.contains { $0.contains("x isn't a case of decode_llada.json") })
        }
    }

    @Test func aTokenizersDivergenceIsNamedWithPositionAndBothTokens() throws {
        let folder = FilePath("/tmp/d3llm-parity-\(UInt64.random(in: 0...UInt64.max))")
        defer { try? FileSystem.remove(folder) }
        let source = Fixtures.path("golden/tokenizers/bytelevel")
        let target = folder.appending("tokenizers").appending("bytelevel")
        try FileSystem.createDirectory(target)
        try FileSystem.writeAtomically(
            try FileSystem.read(source.appending("tokenizer.json")), to: target.appending("tokenizer.json"))
        func lines(_ cases: String) throws -> [String] {
            try FileSystem.writeAtomically(cases, to: target.appending("cases.json"))
            return try report(folder).lines
        }
        let plain = #""tokens": ["a", "a"], "decoded": "aa", "decoded_skip_special": "aa"}"#
        #expect(
            try lines(
                "{\"cases\": [{\"text\": \"aa\", \"ids\": [64, 65], \"ids_no_special\": [64, 64], \(plain)]}")
                == [
                    "tokenizers: 0 passed, 1 failed",
                    "  first divergence: bytelevel, case 0 (\"aa\"): ids, position 1: 64 (\"a\"); expected 65 (\"b\").",
                ])
        #expect(
            try lines(
                "{\"cases\": [], \"decode_only\": [{\"ids\": [64, 235], \"decoded\": \"ab\", \"decoded_skip_special\": \"\"}]}"
            )
            .last?.contains(#"decode_only 0: decoded, byte 1: "a\u{FFFD}"; expected "ab"."#) == true)
        // A tokenizer that can't be read is a failure of that tokenizer.
        try FileSystem.writeAtomically("{}", to: target.appending("tokenizer.json"))
        #expect(try lines("{\"cases\": []}").last?.contains("lacks the key \"model\"") == true)
    }

    @Test func aFolderWithoutCasesIsAnError() throws {
        let folder = Fixtures.path("golden/models")
        #expect {
            try ParityRunner(folder).run { _ in }
        } throws: {
            "\($0)".contains("has no file of recorded cases. Such files are")
        }
        #expect {
            try ParityRunner("/nowhere/at/all").run { _ in }
        } throws: {
            "\($0)".contains("/nowhere/at/all isn't a folder")
        }
    }
}
