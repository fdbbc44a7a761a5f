import ArgumentParser
import ArtifactStore
import JSON
import Published
import Reporting
import SystemPackage

/// `d3llm table` shows published numbers beside those of a run.
struct TableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table", abstract: "Show a published table beside the numbers of a run, with verdicts.",
        discussion: """
            Without a name, lists the published tables. A table's numbers are compared with those of a run of the \
            experiment that computes it; runs of other experiments, such as the mini ones, are "not comparable". What \
            counts as the same is written down in configs/published/tolerances.json. The exit code is 1 if a number \
            differs, and with --require-run also if one was not run.
            """)

    @Argument(help: "The table, such as d3llm-llada.")
    var name: String?
    @Option(
        name: .customLong("run"),
        help: ArgumentHelp(
            """
            The folder of a run, its run.json, or an experiment's name for its newest run; by default the newest run \
            of the table's experiment in the store, if there is one.
            """, valueName: "run"))
    var runName: String?
    @Option(help: "text, markdown, csv, latex, html or json.")
    var format: TableFormat = .text
    @Flag(help: "Fail if a number was not run.")
    var requireRun = false
    @OptionGroup var published: PublishedOptions
    @OptionGroup var storage: StoreOptions
    @OptionGroup var output: JSONOption

    func run() throws {
        let asJSON = output.json || format == .json
        let comparison = try ExitCodes.reporting(asJSON: asJSON) { () throws -> TableComparison? in
            let tables = try published.load()
            guard let name else {
                let list = tables.overview
                if asJSON { try Output.json(tables.value) } else { Output.file(format.renderer.render(list)) }
                return nil
            }
            let table = try tables.table(name)
            let comparison = TableComparison(
                table, try reproduction(of: table), tolerances: tables.tolerances)
            if asJSON {
                try Output.json(comparison.value)
            } else {
                Output.file(format.renderer.render(comparison.rendered))
            }
            return comparison
        }
        guard let comparison else { return }
        if comparison.count(.differs) > 0 { throw ExitCodes.failure }
        if requireRun, comparison.count(.notRun) > 0 { throw ExitCodes.failure }
    }

    /// The run that was named, else the newest of the table's experiment.
    private func reproduction(of table: PublishedTable) throws -> Reproduction? {
        if let runName { return try Reproduction(try RunLocation.find(runName, in: storage.store)) }
        guard let experiment = table.experiment, let newest = storage.store.runs(of: experiment).last else {
            return nil
        }
        return try Reproduction(try RunLocation.find(newest.string, in: storage.store))
    }
}

/// Where the published numbers are.
struct PublishedOptions: ParsableArguments {
    @Option(
        name: .customLong("published"), help: "The folder of published numbers.", completion: .directory)
    var path: String = "configs/published"

    func load() throws -> PublishedTables { try PublishedTables(folder: FilePath(path)) }
}
