import ArgumentParser
import Base
import DataStages
import Files
import JSON
import SystemPackage

/// `d3llm data` looks at a file of records before it is used.
struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Look at a file of own records before it is used.",
        discussion: """
            Says how many records there are, how long they are in a model's tokens, what is malformed with its line, and \
            shows three of them as the model will see them, its chat template around them. The options are the keys of the \
            stage questions, which makes a data set of the file (docs/own-data.md). Exit code 1 if anything is malformed.
            """)

    @Argument(
        help:
            "A file (JSON lines, JSON, CSV, TSV, Parquet, Arrow, text; also compressed), or a folder of such.",
        completion: .file())
    var file: String

    @Option(help: "The folder of the model whose tokens are counted.", completion: .directory)
    var model: String?

    @Option(help: "How the file is written, where neither its name nor its content says it.")
    var format: String?

    @Option(help: "Plain text: what a record is, line, paragraph or document.")
    var unit: String?

    @Option(help: "What the records are: prompt, question, messages or text.")
    var form: String?

    @Option(
        help: ArgumentHelp(
            "A column that isn't called as usual, as prompt=instruction; may be repeated.",
            valueName: "role=name"))
    var column: [String] = []

    @Option(help: "What makes an answer right: exact, number, boxed, tests or none.")
    var grader: String?

    @Option(help: "What stands before the reference in the answer, such as ####.")
    var answerMarker: String?

    @Option(help: "The text that a model is asked, with {} in place of the question.")
    var wording: String?

    @Option(help: "How a question reaches the model: model, chat, plain or twice.")
    var template: String?

    @Option(help: "Tokens that have to fit behind a question.")
    var generationLength: Int = 256

    @OptionGroup var output: JSONOption

    func validate() throws {
        guard column.allSatisfy({ $0.byteText.cut(at: "=") != nil }) else {
            throw ValidationError(
                "--column takes what it holds and its name, as in --column prompt=instruction.")
        }
        if !(1...1_000_000).contains(generationLength) {
            throw ValidationError("--generation-length takes 1 to 1000000 tokens.")
        }
    }

    func run() throws {
        try ExitCodes.reporting(asJSON: output.json) {
            var request = DataReport.Request()
            (request.format, request.unit, request.form) = (format, unit, form)
            (request.grader, request.template) = (grader, template)
            (request.answerMarker, request.wording) = (answerMarker, wording)
            request.generationLength = generationLength
            request.model = model.map { FilePath($0) }
            for pair in column {
                guard let (role, name) = pair.byteText.cut(at: "=") else { continue }
                request.columns[role.text] = name.text
            }
            let path = FilePath(file)
            guard try FileSystem.status(path) != nil else {
                throw FileError("read", path, .noSuchFileOrDirectory)
            }
            let report = try DataReport(path, request)
            try output.print(report.text, report.value)
            if !report.problems.isEmpty { throw ExitCodes.failure }
        }
    }
}
