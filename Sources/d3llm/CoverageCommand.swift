import ArgumentParser
import JSON
import Published
import Reporting
import SystemPackage

/// `d3llm coverage` says what of the papers is covered.
struct CoverageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coverage",
        abstract: "Say which tables, figures and claims of the papers are covered, and how.",
        discussion: """
            Lists every table, figure and claim of the d3LLM and D2F papers that is known: its configuration, whether it \
            was computed again, tested at mini scale, can be run with the weights or is out of reach, and why. Verdicts \
            of claims are those recorded in experiments/*/results. Run it in the repository.
            """)

    @OptionGroup var published: PublishedOptions
    @OptionGroup var output: JSONOption

    func run() throws {
        try ExitCodes.reporting(asJSON: output.json) {
            let folder = FilePath(published.path)
            let coverage = try Coverage(
                try published.load(), file: folder.appending("coverage.json"),
                root: folder.appending("..").appending(".."))
            try output.print(coverage.text, coverage.value)
        }
    }
}
