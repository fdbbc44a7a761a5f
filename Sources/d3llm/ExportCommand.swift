import ArgumentParser
import ArtifactStore
import Audit
import Runs
import SystemPackage

/// `d3llm export` packs a run.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Pack a run with everything that it was made from into one file.",
        discussion: """
            Writes the run's record, its configuration, its log and all artifacts that it names or that those were made \
            from, with the hash of each file and a description as RO-Crate. Weights of models are left out but listed, \
            unless --with-weights is given. Folders and the host's name are taken out of record and log. The same run \
            gives the same bytes. An artifact that isn't what its record says stops it.
            """)

    @OptionGroup var subject: RunArgument
    @Option(
        help: ArgumentHelp(
            "The file to write, by default <experiment>-<run>.tar.zst here; it mustn't be there yet.",
            valueName: "file"))
    var output: String?
    @Flag(help: "Pack the weights of models too.")
    var withWeights = false
    @OptionGroup var format: JSONOption

    func run() throws {
        try ExitCodes.reporting(asJSON: format.json) {
            let exporter = Exporter(
                try subject.location(), withWeights: withWeights, cancellation: .onSignals())
            let summary = try exporter.export(to: FilePath(output ?? "\(exporter.name).tar.zst"))
            try format.print(summary.text, summary.value)
        }
    }
}
