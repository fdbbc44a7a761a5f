import ArgumentParser
import ArtifactStore
import Audit
import Decoding
import Recipes
import Runs
import Sessions
import SystemPackage

/// `d3llm chat` holds a conversation with a model.
struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "Talk to an instruct checkpoint.",
        discussion: """
            Answers are drawn as `d3llm decode` draws them; where standard output is no terminal, only the answers are \
            printed. What was said goes to the model through its chat template. A model without one is told so, and \
            answers each line for itself.

            \(ChatLine.commands)
            """)

    @OptionGroup var live: LiveOptions

    @Option(help: "What the model is told before the conversation.")
    var system: String?

    @Option(help: "Names the random numbers, where the method draws any.")
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            "In a terminal: the least time from one forward to the next, so that it can be followed.",
            valueName: "milliseconds"))
    var pace: Int = 40

    func validate() throws {
        if !(0...60_000).contains(pace) { throw ValidationError("--pace takes 0 to 60000 milliseconds.") }
    }

    func run() throws {
        try ExitCodes.reporting {
            let start = try live.load()
            let model = start.model
            var setting = start.setting
            let style = TerminalStyle.ofStandardOutput()
            let output = style.map { AnswerOutput.live($0, pace: .milliseconds(pace)) } ?? .answer
            // Only answers go to standard output.
            func say(_ text: String) { Output.notice(text + "\n") }
            say(model.caveat ?? "\(model.name) answers; /help lists what else can be typed.")
            if let remark = setting.remark { say("\(remark).") }
            if let example = model.example { say("Try: \(example)") }
            var history = ChatHistory(system: system)
            var reader = LineReader()
            while let line = try nextLine(&reader, say: say) {
                switch line {
                case .nothing: break
                case .quit: return
                case .help: say(ChatLine.commands)
                case .reset:
                    history.reset()
                    say("Forgotten.")
                case .unknown(let command):
                    say("There is no command \"\(command)\". What there is:\n\(ChatLine.commands)")
                case .method(nil, _): say(setting.summary)
                case .method(let name?, let settings):
                    do {
                        setting = try DecoderSetting(method: name, settings: settings, for: model)
                        say(setting.summary)
                    } catch {
                        say("\(error)")
                    }
                case .question(let question):
                    do {
                        let prompt = try model.prompt(history.asking(question))
                        let end = try output.decode(
                            DecodingSession(model, setting, threads: live.threadCount), prompt, seed: seed)
                        if TerminalGuard.isTerminated { throw ExitCodes.interrupted }
                        if end.reason == .cancelled {
                            say("Stopped. The answer so far isn't remembered.")
                        } else if model.manner == .conversation {
                            history.keep(question, answer: end.text)
                        }
                    } catch let error as SessionError {
                        say("\(error) /reset forgets what was said.")
                    }
                }
            }
        }
    }

    /// The next line, or nil at the end.
    ///
    /// Ctrl-C doesn't leave, but says how to.
    private func nextLine(_ reader: inout LineReader, say: (String) -> Void) throws -> ChatLine? {
        while true {
            _ = try? FileDescriptor.standardError.writeAll("> ".utf8)
            TerminalGuard.begin(hidesCursor: false)
            defer { TerminalGuard.end() }
            switch try reader.next() {
            case .line(let line): return ChatLine(line)
            case .interrupted:
                if TerminalGuard.isTerminated { throw ExitCodes.interrupted }
                say("\n/quit or Ctrl-D leaves.")
            case .end:
                say("")
                return nil
            }
        }
    }
}
