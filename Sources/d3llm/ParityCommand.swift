import ArgumentParser
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

    @Argument(help: "Folder of recorded cases, for instance Tests/Fixtures/golden.")
    var folder: String

    func run() throws {
        let outcome = try ExitCodes.reporting { try ParityRunner(FilePath(folder)).run { print($0) } }
        if !outcome.hasPassed { throw ExitCodes.failure }
    }
}
