import ArgumentParser
import JSON
import Published
import Reporting
import SystemPackage

/// `d3llm leaderboard` computes the published AUP again.
struct LeaderboardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "leaderboard",
        abstract: "Compute every published AUP again from the published speeds and accuracies.",
        discussion: """
            Prints each area beside the published one. With --output, also writes the table and the figures: the \
            curves of each benchmark, radar charts, means and tokens per second, as SVG.
            """)

    @Option(
        help: ArgumentHelp("Write table and figures to this folder.", valueName: "folder"),
        completion: .directory)
    var output: String?
    @OptionGroup var published: PublishedOptions
    @OptionGroup var json: JSONOption

    func run() throws {
        try ExitCodes.reporting(asJSON: json.json) {
            let leaderboard = try Leaderboard(try published.load())
            let files = try output.map { try leaderboard.write(to: FilePath($0)) }
            try json.print(
                TextTableRenderer().render(leaderboard.table)
                    + (files.map { "\n\($0.count) files are in \(output ?? "").\n" } ?? ""),
                leaderboard.value)
        }
    }
}
