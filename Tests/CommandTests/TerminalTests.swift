import Files
import SystemPackage
import TestSupport
import Testing

/// `d3llm decode` in a real terminal emulator, tmux; left out where that isn't installed.
@Suite(.enabled(if: Tmux.isInstalled, "needs tmux"), .serialized) struct TerminalTests {
    let command: D3LLMCommand
    private let model = DecodeCommandTests.model

    init() throws { command = try D3LLMCommand() }

    /// Runs a script in which `t` is tmux with a server of its own, and `d` starts the command in an 80×24 terminal.
    private func terminal(_ script: String, environment: [String: String] = [:]) throws -> String {
        // A server of its own for each: one that was told to end may still answer the next.
        let socket = command.scratch.path.appending("tmux-\(UInt32.random(in: 0 ... .max))").string
        let outcome = try command.shell(
            """
            t() { tmux -S \(socket) -f /dev/null "$@"; }
            trap 't kill-server 2>/dev/null' EXIT
            t new-session -d -x 80 -y 24 -s s "PS1='$ ' ENV= sh"
            d() { t send-keys -t s "clear; '$0' decode \(model) $*; echo code \\$?" Enter; }
            # Waits until the screen has a text; on a busy machine that takes long, so that only a hang ends it.
            w() {
                for i in $(seq 12000); do
                    t capture-pane -p -t s | grep -q "$1" && return
                    sleep 0.025
                done
                echo "never: $1"
            }
            \(script)
            """, environment: ["LC_ALL": "C.UTF-8", "TERM": "xterm-256color"].merging(environment) { $1 })
        #expect(!outcome.output.contains("never:"), "\(outcome.output) \(outcome.log)")
        return DecodeCommandTests.normalized(outcome.output)
    }

    private var sample: String { DecodeCommandTests.sample.joined(separator: " ") }
    private let endless = "x --method vanilla --set generationLength=4000 --set earlyStop=false"

    @Test func theFinishedPictureIsAsRecorded() throws {
        let text = try terminal("d \(sample) --pace 0; w 'code [0-9]'; t capture-pane -p -t s")
        #expect(try text == Snapshots.recorded("command/decode-terminal.txt", now: text))
    }

    /// While it decodes, the cursor is hidden; the picture follows the terminal's size and leaves nothing behind.
    @Test func itFollowsTheSizeOfTheTerminal() throws {
        let text = try terminal(
            """
            d \(sample) --pace 300; w 'NFE [3-9]'; t display -p -t s 'cursor #{cursor_flag}'
            t resize-window -t s -x 44 -y 20; w 'NFE [6-9]'; t resize-window -t s -x 100 -y 20
            w 'NFE 1[0-9]'; t capture-pane -p -t s
            """)
        #expect(text.contains("cursor 0"))
        for once in ["words  multi-block", "> Julia owns", "tokens  NFE", "entropy <"] {
            #expect(text.ranges(of: once).count == 1, "\(once)\n\(text)")
        }
        #expect(text.split(separator: "\n").allSatisfy { $0.count < 100 })
    }

    @Test func ctrlCStopsItAndGivesTheCursorBack() throws {
        let text = try terminal(
            """
            d \(endless); w 'NFE [3-9]'; t send-keys -t s C-c; w 'code [0-9]'
            t display -p -t s 'cursor #{cursor_flag}'; t capture-pane -p -t s
            """)
        #expect(text.contains("cursor 1") && text.contains("code 130") && text.contains("stopped"), "\(text)")
    }

    @Test func anErrorGivesTheCursorBackToo() throws {
        let text = try terminal(
            "d x --set generationLength=8000; w 'code [0-9]'; t display -p -t s 'cursor #{cursor_flag}'; t capture-pane -p -t s"
        )
        #expect(
            text.contains("cursor 1") && text.contains("code 2") && text.contains("4096 in all"),
            "\(text)")
    }

    /// In a chat Ctrl-C stops the answer; the program stays and answers the next line.
    @Test func ctrlCStopsAnAnswerAndNotTheChat() throws {
        let text = try terminal(
            """
            t send-keys -t s "clear; '$0' chat \(model) --method vanilla --set earlyStop=true --pace 300; echo code \\$?" Enter
            w 'Try:'; t send-keys -t s C-c; w 'leaves'; t send-keys -t s 'Anna has 3 pens .' Enter; w 'NFE [2-9]'
            t send-keys -t s C-c; w 'Stopped'; t send-keys -t s '/reset' Enter; w 'Forgotten'
            t display -p -t s 'cursor #{cursor_flag}'; t send-keys -t s '/quit' Enter; w 'code [0-9]'
            t capture-pane -p -t s
            """)
        #expect(text.contains("cursor 1") && text.contains("code 0"), "\(text)")
    }

    @Test func withoutColoursThereAreNone() throws {
        let script = "d \(sample) --pace 0; w 'code [0-9]'; t capture-pane -e -p -t s"
        #expect(try terminal(script).contains("\u{1B}[38;5;"))
        let plain = try terminal(script, environment: ["NO_COLOR": "1"])
        #expect(!plain.contains("\u{1B}[") && plain.contains("NFE"), "\(plain)")
    }

    @Test func withoutUTF8ThereIsOnlyASCII() throws {
        let script = "d \(sample) --pace 0; w 'code [0-9]'; t capture-pane -p -t s"
        let text = try terminal(script, environment: ["LC_ALL": "C"])
        #expect(text.allSatisfy { $0.isASCII } && text.contains("|"), "\(text)")
    }
}

/// The terminal emulator.
private enum Tmux {
    static let isInstalled = ["/usr/bin/tmux", "/usr/local/bin/tmux"].contains {
        FileSystem.exists(FilePath($0))
    }
}
