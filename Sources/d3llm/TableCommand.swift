import ArgumentParser
import ArtifactStore
import Base
import JSON
import Published
import Reporting
import ResultStages
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

            --layout paper prints a table as papers do: a row for each method, for each benchmark a group of columns, the \
            best numbers in bold. It shows the published numbers; with --run those that the run measured of the same. \
            --run without a table's name lays out the run's own comparisons. With --format latex it can be pasted \
            into a document that uses booktabs.

              d3llm table d3llm-llada --layout paper --format latex
              d3llm table --run mini/first --format markdown
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
    @Option(
        help: ArgumentHelp(
            "verdicts, one line for each number; or paper, one line for each method.", valueName: "layout"))
    var layout: Layout?
    @Option(help: "text, markdown, csv, latex, html or json.")
    var format: TableFormat = .text
    @Flag(help: "Fail if a number was not run.")
    var requireRun = false
    @OptionGroup var published: PublishedOptions
    @OptionGroup var storage: StoreOptions
    @OptionGroup var output: JSONOption

    /// How a table is laid out.
    enum Layout: String, CaseIterable, ExpressibleByArgument {
        case verdicts, paper
    }

    func validate() throws {
        if requireRun, layout == .paper || name == nil {
            throw ValidationError(
                "--require-run is about verdicts: give it with a table's name and without --layout paper.")
        }
        guard name == nil, let layout else { return }
        switch layout {
        case .verdicts:
            throw ValidationError("--layout verdicts needs the name of a table; `d3llm table` lists them.")
        case .paper where runName == nil:
            throw ValidationError(
                "--layout paper needs the name of a table or a run: `d3llm table d3llm-llada --layout paper`, or `d3llm table --run EXPERIMENT`."
            )
        case .paper: break
        }
    }

    func run() throws {
        let asJSON = output.json || format == .json
        let comparison = try ExitCodes.reporting(asJSON: asJSON) { () throws -> TableComparison? in
            if name == nil, let runName {
                show(try ComparisonLayout(try RunLocation.find(runName, in: storage.store)).rendered)
                return nil
            }
            let tables = try published.load()
            guard let name else {
                let list = tables.overview
                if asJSON { try Output.json(tables.value) } else { Output.file(format.renderer.render(list)) }
                return nil
            }
            let table = try table(name, of: tables)
            if layout == .paper {
                // Published numbers are what is asked for, unless a run is named.
                let run = try runName == nil ? nil : reproduction(of: table)
                show(PaperLayout(table, run, tolerances: tables.tolerances).rendered)
                return nil
            }
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

    /// The published table; the name of a run is told from a slip.
    private func table(_ name: String, of tables: PublishedTables) throws -> PublishedTable {
        do {
            return try tables.table(name)
        } catch let error as UnknownPublishedNameError {
            guard (try? RunLocation.find(name, in: storage.store)) != nil else { throw error }
            throw RunAsTableError(name)
        }
    }

    private func show(_ table: Table) {
        Output.file((output.json ? TableFormat.json : format).renderer.render(table))
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

/// The name of a run where that of a published table belongs.
struct RunAsTableError: Failure {
    var failureKind: FailureKind { .request }

    let description: String

    init(_ name: String) {
        description =
            "There is no published table \"\(name)\", but a run: d3llm table --run \(ShellWord.quoted(name)) lays out its comparisons."
    }
}

/// Where the published numbers are.
struct PublishedOptions: ParsableArguments {
    @Option(
        name: .customLong("published"), help: "The folder of published numbers.", completion: .directory)
    var path: String = "configs/published"

    func load() throws -> PublishedTables { try PublishedTables(folder: FilePath(path)) }
}
