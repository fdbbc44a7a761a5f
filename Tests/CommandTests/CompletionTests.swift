import Files
import SystemPackage
import TestSupport
import Testing

/// What shells offer, asked of a real bash with the script that the command generates.
@Suite struct CompletionTests {
    let command: D3LLMCommand

    init() throws { command = try D3LLMCommand() }

    /// The words that bash offers for the last of a command line.
    private func offered(_ words: [String]) throws -> [String] {
        let script = command.scratch.path.appending("d3llm.bash")
        if !FileSystem.exists(script) {
            let generated = try command("--generate-completion-script", "bash")
            #expect(generated.code == 0)
            try FileSystem.writeAtomically(generated.output, to: script)
        }
        let quoted = words.map { "'\($0)'" }.joined(separator: " ")
        let text = """
            source '\(script)'
            d3llm() { '\(D3LLMCommand.executable)' "$@"; }
            COMP_WORDS=(d3llm \(quoted)); COMP_CWORD=\(words.count)
            COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}
            _d3llm d3llm '\(words.last ?? "")' '\(words.dropLast().last ?? "d3llm")' 2>&1
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let outcome = try Command("/usr/bin/bash", ["-c", text], scratch: command.scratch.path).wait()
        #expect(outcome.code == 0, "\(outcome.log)")
        return outcome.output.split(separator: "\n").map { String($0.filter { $0 != " " }) }
    }

    static let smoke = D3LLMCommand.root.pushing("configs/mini/smoke.json").string
    static let stages = [
        "problems", "tokenizer", "teacher", "trajectories", "student", "vanilla", "fastDLLM", "causal",
        "d3llm", "table",
    ]

    @Test func stagesOfTheConfigurationAreOffered() throws {
        #expect(Set(try offered(["run", Self.smoke, "--only", ""])) == Set(Self.stages))
        #expect(
            Set(try offered(["run", Self.smoke, "--force", "t"])) == [
                "tokenizer", "teacher", "trajectories", "table",
            ])
        #expect(try offered(["run", "nowhere.json", "--only", ""]) == [])
    }

    @Test func kindsAndMethodsAndSubcommandsAreOffered() throws {
        #expect(try offered(["kinds", "pre"]) == ["pretrain"])
        #expect(Set(try offered(["methods", "multi"])) == ["multi-bd", "multi-block", "multi-block-cache"])
        #expect(try offered(["vali"]) == ["validate"])
    }

    @Test func theStageOfWhyNeedsAConfigurationOnTheLine() throws {
        #expect(try offered(["why", ""]) == [])
        #expect(try offered(["why", "--set", "name=a", "te"]) == [])
    }

    /// groff has a word to say on everything that is no roff.
    @Test(.enabled(if: FileSystem.exists("/usr/bin/groff"), "groff isn't installed"))
    func theManualPageIsCleanRoff() throws {
        let page = try command("manual")
        #expect(page.code == 0 && page.output.hasPrefix(".TH \"D3LLM\" \"1\""))
        let path = command.scratch.path.appending("d3llm.1")
        try FileSystem.writeAtomically(page.output, to: path)
        let groff = try Command(
            "/usr/bin/groff", ["-man", "-ww", "-Tascii", path.string], scratch: command.scratch.path
        ).wait()
        #expect(groff.code == 0 && groff.log.isEmpty, "\(groff.log)")
        for subcommand in HelpTests.subcommands where !["config", "launch"].contains(subcommand) {
            #expect(page.output.contains(".SS \"d3llm \(subcommand)\""), "\(subcommand)")
        }
        #expect(page.output.contains("EXIT STATUS"))
    }
}
