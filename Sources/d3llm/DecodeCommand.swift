import ArgumentParser
import ArtifactStore
import Sessions
import SystemPackage

/// `d3llm decode` decodes one prompt in front of the reader.
struct DecodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode", abstract: "Decode one prompt and watch it happen.",
        discussion: """
            In a terminal the response is drawn in place: masks as dots, borders between blocks, tokens in the colour of \
            their entropy, new ones underlined. Elsewhere, or with --plain, each forward is a line; with --json each \
            event is one (docs/json.md).

            The prompt is the argument, or standard input without one. With --sample it is a problem of a data set, \
            and the end says whether the answer is right. Instruct checkpoints get it through their chat template.

            A model of an experiment is decoded with the setting that the experiment chose for it, its operating point, \
            unless --method or --set say otherwise. See docs/live.md.
            """)

    @OptionGroup var live: LiveOptions

    @Argument(help: "The prompt; standard input without one.")
    var prompt: String?

    @Option(help: ArgumentHelp("The id of a problem to decode, such as test-3.", valueName: "id"))
    var sample: String?

    @Option(
        help: ArgumentHelp(
            "The data set of --sample: a folder with test.jsonl, or an artifact of the store; by default the one of the model's experiment.",
            valueName: "dataset"))
    var data: String?

    @Option(help: "Names the random numbers, where the method draws any.")
    var seed: UInt64?

    @Flag(help: "Print one line per forward, without escape sequences.")
    var plain = false

    @Flag(help: "Print one JSON object per event and line.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "In a terminal: the least time from one forward to the next, so that it can be followed.",
            valueName: "milliseconds"))
    var pace: Int = 80

    func validate() throws {
        if sample != nil, prompt != nil {
            throw ValidationError("Give a prompt or --sample, not both.")
        }
        if data != nil, sample == nil { throw ValidationError("--data is for --sample.") }
        if plain, json { throw ValidationError("Give --plain or --json, not both.") }
        if !(0...60_000).contains(pace) { throw ValidationError("--pace takes 0 to 60000 milliseconds.") }
    }

    func run() throws {
        try ExitCodes.reporting(asJSON: json) {
            let text = try sample == nil ? prompt ?? readPrompt() : ""
            let start = try live.load()
            let sample = try self.sample.map { try start.sample($0, data: data) }
            let asked = try start.model.prompt(sample?.question ?? text, isExact: sample != nil)
            let session = DecodingSession(
                start.model, start.setting, threads: live.threadCount, check: sample?.check)
            let end = try output.decode(session, asked, seed: seed)
            if end.reason == .cancelled { throw ExitCodes.interrupted }
        }
    }

    private var output: AnswerOutput {
        if json { return .json }
        guard !plain, let style = TerminalStyle.ofStandardOutput() else { return .plain }
        return .live(style, pace: .milliseconds(pace))
    }

    private func readPrompt() throws -> String {
        var reader = LineReader()
        TerminalGuard.begin(hidesCursor: false)
        defer { TerminalGuard.end() }
        guard let text = try reader.rest() else { throw ExitCodes.interrupted }
        return text
    }
}
