import Files
import JSON
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Stages that run at once, in one process and in several.
@Suite struct ConcurrencyTests {
    let command: D3LLMCommand

    init() throws { command = try D3LLMCommand() }

    private func arguments(_ command: D3LLMCommand, _ more: String...) -> [String] {
        ["run", D3LLMCommand.micro, "--store", command.store.string] + more
    }

    /// The stages with this status in each record of the experiment's runs.
    private func stages(_ status: String) throws -> [String] {
        let runs = command.experiment.appending("runs")
        return try FileSystem.list(runs).flatMap { run -> [String] in
            let path = runs.appending(run).appending("run.json")
            let root = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
            return (root["stages"]?.array ?? []).filter { $0["status"]?.string == status }
                .compactMap { $0["stage"]?.string }
        }
    }

    @Test func twoProcessesShareTheWorkAndEndWithWhatOneMakesAlone() throws {
        let straight = try D3LLMCommand()
        let both = [
            try command.start(arguments(command, "--threads", "2", "--jobs", "2")),
            try command.start(arguments(command, "--threads", "3", "--jobs", "2")),
        ]
        let alone = try straight.start(arguments(straight, "--threads", "1", "--jobs", "1")).wait()
        let outcomes = both.map { $0.wait() }
        #expect(alone.code == 0 && outcomes.allSatisfy { $0.code == 0 }, "\(outcomes.map(\.log))")
        #expect(outcomes[0].output == outcomes[1].output)
        let made = try stages("made")
        #expect(made.count == 28 && Set(made).count == 28, "\(made)")
        #expect(
            try ScratchFolder.hashes(below: command.store) == ScratchFolder.hashes(below: straight.store))
        for folder in [".tmp", ".work"] {
            #expect(try FileSystem.list(command.store.appending(folder)) == [])
        }
    }

    @Test func theWorkOfAKilledProcessIsTakenOver() throws {
        let slow = ["--set", "stages.teacher.model.width=128", "--only", "teacher"]
        let first = try command.start(arguments(command) + slow)
        try #require(first.waitForLog("teacher: started") == nil)
        let second = try command.start(arguments(command) + slow)
        try #require(second.waitForLog("teacher: waiting for process ") == nil)
        command.waitForProgress(first, changes: 2)
        first.send(SIGKILL)
        #expect(first.wait().ending == .signal(Int(SIGKILL)))
        let outcome = second.wait()
        #expect(outcome.code == 0, "\(outcome.log)")
        #expect(
            outcome.log.contains(", since 20") && outcome.log.contains("Z, which makes it\n"),
            "\(outcome.log)")
        #expect(outcome.log.contains("Z, ended before it was done\n"), "\(outcome.log)")
        #expect(outcome.log.contains("teacher: going on from "), "\(outcome.log)")
        // The killed run has a log and how far it was but no record, so that it isn't taken for a finished one.
        let runs = command.experiment.appending("runs")
        let records = try FileSystem.list(runs).map { run in
            try FileSystem.list(runs.appending(run)).joined(separator: " ")
        }
        #expect(
            records.sorted() == ["experiment.json log.txt progress.json", "experiment.json log.txt run.json"])
        let straight = try D3LLMCommand()
        #expect(try straight.start(arguments(straight) + slow).wait().code == 0)
        #expect(
            try ScratchFolder.hashes(below: command.store) == ScratchFolder.hashes(below: straight.store))
    }

    @Test func withKeepGoingAllThatCanBeMadeIsMadeAndTheCodeIs1() throws {
        let digest = String(repeating: "0", count: 64)
        let text = """
            {"name": "k", "stages": {
              "q": {"kind": "synthesize", "train": 5, "test": 2},
              "t": {"kind": "local-files", "path": "/nowhere/at/all", "sha256": "\(digest)"},
              "u": {"kind": "tokenizer", "corpus": "@q"}}}
            """
        let path = try command.config(text)
        let run = ["run", path, "--store", command.store.string, "--keep-going"]
        let folder = command.store.appending("k")
        let outcome = try command.start(run).wait()
        #expect(outcome.code == 1, "\(outcome.log)")
        #expect(outcome.log.contains("\n1 stage failed.\n\nStage \"t\" failed: "), "\(outcome.log)")
        #expect(try FileSystem.list(folder).contains { $0.hasPrefix("u-") })
        let stopping = try command.start(Array(run.dropLast())).wait()
        #expect(stopping.code == 3 && stopping.log.contains("Stage \"t\" failed: "), "\(stopping.log)")
    }

    @Test func recordsAndLogsNameNoFolderOfTheMachine() throws {
        #expect(try command.start(arguments(command, "--only", "tokenizer")).wait().code == 0)
        let folders = [command.scratch.path.string, D3LLMCommand.root.string]
        for file in try ScratchFolder.files(below: command.experiment.appending("runs")) {
            let text = try FileSystem.readText(command.experiment.appending("runs").pushing(FilePath(file)))
            for folder in folders { #expect(!text.contains(folder), "\(file): \(text)") }
        }
    }
}
