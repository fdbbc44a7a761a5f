import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@Suite struct VerifyCommandTests {
    let command: D3LLMCommand
    let config: String

    init() throws {
        command = try D3LLMCommand()
        config = try command.config(
            """
            {"name": "quick", "stages": {
              "problems": {"kind": "synthesize", "train": 40, "test": 8},
              "tokenizer": {"kind": "tokenizer", "corpus": "@problems"}}}
            """)
    }

    @discardableResult
    private func run(_ more: String...) throws -> FilePath {
        let outcome = try command.start(["run", config, "--store", command.store.string] + more).wait()
        try #require(outcome.code == 0, "\(outcome.log)")
        let runs = command.store.pushing("quick/runs")
        return runs.appending(try #require(FileSystem.list(runs).last))
    }

    private func ask(_ arguments: String...) throws -> Command.Outcome {
        try command.start(arguments + ["--store", command.store.string]).wait()
    }

    /// Texts without what changes from run to run.
    private func stable(_ text: String, _ runs: [FilePath]) -> String {
        var text = text
        for (index, run) in runs.enumerated() {
            text = text.replacing(run.lastComponent?.string ?? "", with: "RUN\(index + 1)")
        }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            guard let range = line.firstRange(of: "finished 20") else { return String(line) }
            return String(line[..<range.upperBound]) + String(line[range.upperBound...].drop { $0 != "," })
        }.joined(separator: "\n")
    }

    @Test func verifySaysWhatItCheckedAndEndsWithItsVerdict() throws {
        let folder = try run()
        let good = try ask("verify", "quick")
        #expect(good.code == 0, "\(good.log)")
        let text = stable(good.output, [folder])
        #expect(try text == Snapshots.recorded("command/verify.txt", now: text))
        let json = try ask("verify", folder.string, "--json")
        #expect(try JSONDocument(parsing: Array(json.output.utf8), name: "json").root["holds"]?.bool == true)
        let names = try FileSystem.list(command.store.appending("quick"))
        let tokenizer = command.store.appending("quick").appending(
            try #require(names.first { $0.hasPrefix("tokenizer") }))
        let path = tokenizer.appending("tokenizer_config.json")
        try FileSystem.writeAtomically(try FileSystem.read(path) + [UInt8(ascii: "\n")], to: path)
        let broken = try ask("verify", "quick")
        #expect(broken.code == 1)
        #expect(broken.output.contains("BROKEN   tokenizer"))
        #expect(broken.output.contains("Its file tokenizer_config.json has"))
        #expect(
            broken.output.hasSuffix("2 of 6 checks found something that doesn't hold.\n"), "\(broken.output)")
    }

    @Test func wrongNamesAndNumbersAreTold() throws {
        #expect(try ask("verify", "nobody").code == 2)
        #expect(try ask("verify", "quick", "--rerun", "-1").code == 64)
        #expect(try ask("determinism", config, "--threads", "1").code == 64)
        #expect(try ask("diff", "nobody", "nobody").code == 2)
        let missing = try ask("determinism", config, "--stage", "tokenizer")
        #expect(missing.code == 1 && missing.log.contains("--only problems"), "\(missing.log)")
    }

    @Test func diffTellsWhatChanged() throws {
        let first = try run()
        let second = try run("--set", "stages.problems.train=60")
        let outcome = try ask("diff", first.string, second.string)
        #expect(outcome.code == 0, "\(outcome.log)")
        let text = stable(outcome.output, [first, second])
        #expect(try text == Snapshots.recorded("command/diff.txt", now: text))
        let same = try ask("diff", first.string, first.string, "--json")
        #expect(try JSONDocument(parsing: Array(same.output.utf8), name: "json").root["same"]?.bool == true)
    }

    @Test func determinismIsMeasuredAndKept() throws {
        try run()
        let outcome = try ask("determinism", config, "--threads", "3", "--json")
        #expect(outcome.code == 0, "\(outcome.log)")
        let stages =
            try JSONDocument(parsing: Array(outcome.output.utf8), name: "json").root["stages"]?.array ?? []
        #expect(stages.count == 2 && stages.allSatisfy { $0["measured"]?.string == "bitwise" })
        #expect(try FileSystem.list(command.store.pushing("quick/determinism")).count == 2)
    }
}
