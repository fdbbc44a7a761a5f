import ArgumentParser
import ArtifactStore
import Files
import JSON
import Published
import Reporting
import ResultStages
import Runs
import SystemPackage

/// `d3llm report` makes a page of a run.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Make one HTML file that shows a run: verdict, tables, curves, samples.",
        discussion: """
            The file needs nothing but itself: no network, no other files. It is made from the records of the run. For \
            the trajectory viewer some samples are decoded again with the recorded models; one that doesn't come out \
            as it was recorded isn't shown. The numbers of an experiment that computes a published table are shown \
            beside it. Runs that failed, were interrupted or go on still are shown as far as they came. \
            Nothing is written to the store but the page itself, in the run's folder unless --output says otherwise.
            """)

    @OptionGroup var subject: RunArgument
    @Option(
        help: ArgumentHelp(
            "The file to write; report.html in the run's folder by default.", valueName: "file"),
        completion: .file(extensions: ["html"]))
    var output: String?
    @OptionGroup var published: PublishedOptions
    @Option(help: "Threads to use, all cores by default.")
    var threads: Int?
    @Flag(help: "Don't decode samples again; the page has no trajectories then.")
    var noTrajectories = false
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if let threads, threads < 1 {
            throw ValidationError("--threads needs at least 1; this is \(threads).")
        }
    }

    func run() throws {
        try ExitCodes.reporting(asJSON: json) {
            let location = try subject.locationSoFar()
            let reporter = ProgressReporter.standardError()
            let report = try RunReport(
                location, registry: D3LLM.registry,
                options: .init(decodes: !noTrajectories, threads: threads ?? Machine.current.cores),
                additions: publishedSections(location), cancellation: .onSignals(),
                progress: { reporter.log($0) })
            let path: FilePath
            if let output {
                path = FilePath(output)
                try FileSystem.writeAtomically(report.html, to: path)
            } else {
                path = try location.write(report.html.utf8, to: "report.html")
            }
            for note in report.notes { reporter.log("report: \(note)") }
            if json {
                try Output.json(value(report, location.address, path))
            } else {
                Output.words(
                    "The report of \(location.address) is in \(path): \(report.samples.shown) of \(report.samples.all) samples, \(report.trajectories.count) trajectories of \(report.trajectories.methods) methods, \(report.html.utf8.count) bytes.\n"
                )
            }
        }
    }

    /// The published tables that the run's experiment computes, beside what it measured.
    private func publishedSections(_ location: RunLocation) throws -> [ReportSection] {
        guard try FileSystem.status(FilePath(published.path)) != nil else { return [] }
        let tables = try published.load()
        let own = tables.tables.filter { $0.experiment == location.record.experiment }
        guard !own.isEmpty else { return [] }
        let run = try Reproduction(location)
        return own.map { TableComparison($0, run, tolerances: tables.tolerances).section(of: run) }
    }

    private func value(_ report: RunReport, _ run: String, _ path: FilePath) -> JSONValue {
        [
            "run": .string(run), "file": .string(path.string), "sizeBytes": .integer(report.html.utf8.count),
            "samples": ["shown": .integer(report.samples.shown), "all": .integer(report.samples.all)],
            "trajectories": [
                "count": .integer(report.trajectories.count),
                "methods": .integer(report.trajectories.methods),
            ],
            "notes": .array(report.notes.map { .string($0) }),
        ]
    }
}
