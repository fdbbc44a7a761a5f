import ArgumentParser
import Files
import JSON
import Recipes
import SystemPackage

/// `d3llm config` looks at configurations.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Show a configuration put together, or where a value comes from.",
        subcommands: [Show.self, Explain.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Print a configuration in one piece.",
            discussion: """
                The files that it extends are laid over one another, variables are put in, --set is applied. A file \
                of what is printed gives the same experiment. The order of the files is told on standard error.
                """)

        @OptionGroup var experiment: ExperimentOptions

        @Flag(help: "Also print the keys that are left to their defaults, for reading.")
        var defaults = false

        @OptionGroup var output: JSONOption

        func run() throws {
            try ExitCodes.reporting(asJSON: output.json) {
                let configuration = try experiment.configuration()
                _ = try configuration.experiment()
                let resolved = configuration.resolved(withDefaults: defaults)
                if output.json {
                    let files = JSONValue.array(configuration.files.map(JSONValue.string))
                    try Output.json(JSONValue.object(["files": files, "config": resolved]))
                    return
                }
                if let order = configuration.order {
                    Output.notice(order)
                }
                try Output.json(resolved)
            }
        }
    }

    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "explain", abstract: "Say where a value of a configuration comes from.",
            discussion: """
                Lists everything that sets the value, the weakest first: its default, the files in the order in \
                which they are laid over one another, the stage's matrix, --set. The last one holds and has a star. \
                For a stage or an object, all values below it are listed with the place that holds.
                """)

        @Argument(help: "A dotted path, as in stages.curve.decoder.delay or stages.teacher.phases[0].steps.")
        var path: String

        @OptionGroup var experiment: ExperimentOptions
        @OptionGroup var output: JSONOption

        func run() throws {
            try ExitCodes.reporting(asJSON: output.json) {
                let configuration = try experiment.configuration()
                try configuration.checkComposition()
                try output.print(
                    configuration.listing(of: path) + (configuration.order.map { "\n\($0)" } ?? ""),
                    configuration.explanationValue(of: path))
            }
        }
    }
}

extension Configuration {
    /// The order of the files; nil when there is only one.
    fileprivate var order: String? {
        guard files.count > 1 else { return nil }
        return "Files, later ones win:\n" + files.map { "  \($0)\n" }.joined()
    }
}
