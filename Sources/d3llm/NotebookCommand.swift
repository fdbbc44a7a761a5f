import ArgumentParser
import Files
import JSON
import Notebooks
import SystemPackage

/// `d3llm notebook` renders recorded results into notebooks.
struct NotebookCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notebook",
        abstract: "Render recorded results into the blocks of notebooks, or check that they are up to date.",
        discussion: """
            A notebook is a Markdown file with blocks between <!-- d3llm: … --> and <!-- /d3llm -->: tables, figures, \
            the run that they are of, the commands that repeat it, single numbers (docs/notebooks.md). What they show \
            is read from recorded results, which are checked against their digests first and against the run in the \
            store where it has that. Text outside of blocks is never changed. With --check nothing is written, and \
            the exit code is 1 if a block is stale. It is 2 if a marker is wrong or names what isn't there, and 3 if \
            recorded results aren't whole; such blocks stay as they are.
            """)

    @Argument(
        help: ArgumentHelp("The notebooks.", valueName: "file"),
        completion: .file(extensions: ["md"]))
    var files: [String]
    @Flag(help: "Write nothing; fail if a block isn't what the results say.")
    var check = false
    @OptionGroup var storage: StoreOptions
    @OptionGroup var output: JSONOption

    func run() throws {
        let report = try ExitCodes.reporting(asJSON: output.json) {
            let notebooks = try files.map { try Notebook(FilePath($0)) }
            let renderings = notebooks.map { $0.rendered(store: storage.store) }
            if !check {
                for rendering in renderings where rendering.count(.stale) > 0 {
                    try FileSystem.writeAtomically(rendering.bytes, to: rendering.path)
                    for picture in rendering.pictures {
                        try FileSystem.createDirectory(picture.path.removingLastComponent())
                        try FileSystem.writeAtomically(picture.bytes, to: picture.path)
                    }
                }
            }
            let report = NotebookReport(renderings, isCheck: check)
            try output.print(report.text, report.value)
            return report
        }
        if report.count(.results) > 0 { throw ExitCodes.inputOutput }
        if report.count(.marker) > 0 { throw ExitCodes.invalidConfiguration }
        if check, report.count(.stale) > 0 { throw ExitCodes.failure }
    }
}
