import ArgumentParser
import JSON
import Parity
import SystemPackage

/// `d3llm parity DIR` repeats recorded cases.
struct ParityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parity",
        abstract: "Repeat recorded results of the published PyTorch code and say where ours differ.",
        discussion: """
            Prints one line per kind of cases with how many passed and failed, and below a kind that failed its \
            first divergence. The exit code isn't zero if any case failed.
            """)

    @Argument(
        help: "Folder of recorded cases, for instance Tests/Fixtures/golden.", completion: .directory)
    var folder: String

    @Option(
        help: ArgumentHelp(
            "A folder with models that the cases name and that aren't in its folder models.",
            valueName: "folder"), completion: .directory)
    var models: [String] = []

    @OptionGroup var output: JSONOption

    func run() throws {
        let outcome = try ExitCodes.reporting(asJSON: output.json) {
            try ParityRunner(FilePath(folder), models: models.map { FilePath($0) }).run {
                if !output.json { Output.words("\($0)\n") }
            }
        }
        if output.json { try Output.json(outcome.value(folder: folder)) }
        if !outcome.hasPassed { throw ExitCodes.failure }
    }
}

extension ParityRunner.Outcome {
    /// For programs: what became of each kind of cases.
    fileprivate func value(folder: String) -> JSONValue {
        [
            "folder": .string(folder), "passed": .bool(hasPassed),
            "kinds": .array(
                results.map { name, tally in
                    [
                        "name": .string(name), "passed": .integer(tally.passed),
                        "failed": .integer(tally.failures.count),
                        "skipped": tally.skipped.map(JSONValue.string) ?? .null,
                        "firstDivergence": tally.failures.first.map(JSONValue.string) ?? .null,
                    ]
                }),
        ]
    }
}
