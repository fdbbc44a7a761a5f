import ArgumentParser
import ArtifactStore
import Base
import Files
import History
import JSON
import Reporting
import SystemPackage

/// `d3llm runs` lists and compares runs.
struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "List the runs of a store, or compare some of them.",
        discussion: """
            Without a name, lists the runs of all experiments; with an experiment's, its runs with what changed from one \
            to the next and the numbers of its last table. With two or more runs, shows side by side the settings and \
            the numbers in which they differ; the word compare before them may be left out.

            A run is named by its folder, its run.json, or what the list calls it; mini/first is the newest run of that \
            experiment, mini/first~1 the one before it.

            --where stages.student.steps=600 leaves the runs with that setting; a value that a matrix or replicate gives \
            counts too. --sort takes a column (experiment, run, started, state, took, changed) or the name of a number, \
            such as table.d3LLM.aup.
            """)

    @Argument(help: "An experiment, or the runs to compare.")
    var names: [String] = []

    @Option(
        name: .customLong("where"),
        help: ArgumentHelp("Only runs with this setting; can be repeated.", valueName: "path=value"))
    var filters: [String] = []

    @Option(help: ArgumentHelp("What to sort by; by default the time.", valueName: "column"))
    var sort: String?

    @Flag(help: "The other way round.")
    var reverse = false

    @Option(
        name: .customLong("number"),
        help: ArgumentHelp(
            "A number to show, instead of those shown first; can be repeated.", valueName: "name"))
    var numbers: [String] = []

    @Flag(help: "Compare all numbers, also losses and counts.")
    var all = false

    @Option(help: "text, markdown, csv, latex, html or json.")
    var format: TableFormat = .text

    @OptionGroup var storage: StoreOptions
    @OptionGroup var output: JSONOption

    /// The names without the word that may stand before them.
    private var subjects: [String] {
        names.count > 1 && names.first == "compare" ? Array(names.dropFirst()) : names
    }

    func validate() throws {
        guard subjects.count > 1 else {
            if all { throw ValidationError("--all is for comparing runs; name two or more.") }
            return
        }
        for (option, isGiven) in [
            ("--where", !filters.isEmpty), ("--sort", sort != nil), ("--reverse", reverse),
            ("--number", !numbers.isEmpty),
        ] where isGiven {
            throw ValidationError("\(option) is for lists; these are \(subjects.count) runs to compare.")
        }
    }

    func run() throws {
        let asJSON = output.json || format == .json
        try ExitCodes.reporting(asJSON: asJSON) {
            if let runs = try compared() {
                let comparison = RunComparison(runs, all: all)
                try show(comparison.tables, comparison.value, asJSON)
                return
            }
            var columns = RunHistory.Columns()
            columns.numbers = numbers.isEmpty ? nil : numbers
            (columns.sort, columns.isReversed) = (sort, reverse)
            let filters = try filters.map { try RunFilter($0) }
            // Numbers that are asked for may be of any stage.
            let namesNumbers = !numbers.isEmpty || sort.map { $0.byteText.contains(".") } ?? false
            var history = try RunHistory(
                storage.store, experiments: subjects.first.map { [$0] }, numbers: namesNumbers ? .all : .main)
            for filter in filters {
                try filter.check(history.runs)
                history.keep(filter.matches)
            }
            try show([history.table(columns)], history.value(columns), asJSON)
        }
    }

    /// The runs to compare: those that are named, or the only one and the run before it; nil for a list.
    private func compared() throws -> [RunLocation]? {
        let store = storage.store
        guard subjects.count < 2 else { return try subjects.map { try RunLocation.find($0, in: store) } }
        guard let name = subjects.first, store.runNames(of: name).isEmpty else { return nil }
        let run = try RunLocation.find(name, in: store)
        let all = run.store.runs(of: run.record.experiment)
        guard let place = all.firstIndex(where: { $0.lastComponent == run.folder.lastComponent }), place > 0
        else {
            throw HistoryError(
                description:
                    "\(run.address) is the first run of its experiment: there is none before it to compare it with."
            )
        }
        return [try RunLocation.find(all[place - 1].string, in: run.store), run]
    }

    private func show(_ tables: [Table], _ value: JSONValue, _ asJSON: Bool) throws {
        if asJSON {
            try Output.json(value)
        } else {
            Output.file(tables.map { format.renderer.render($0) }.joined(separator: "\n"))
        }
    }
}
