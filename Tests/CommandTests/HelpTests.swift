import SystemPackage
import TestSupport
import Testing

@Suite struct HelpTests {
    static let subcommands = [
        "init", "recipes", "evaluate", "compare", "run", "watch", "launch", "runs", "browse", "report",
        "verify", "determinism", "diff", "agree",
        "export", "import", "gc",
        "fetch", "data", "plan",
        "why",
        "validate", "config", "schema", "table", "leaderboard", "coverage", "power", "decode",
        "chat",
        "serve",
        "samples", "kinds", "methods",
        "parity", "notebook", "doctor",
    ]

    @Test(arguments: [""] + subcommands)
    func helpIsAsRecorded(subcommand: String) throws {
        let command = try D3LLMCommand()
        let outcome =
            subcommand.isEmpty ? try command("--help") : try command(subcommand, "--help")
        #expect(outcome.code == 0)
        let name = "command/help\(subcommand.isEmpty ? "" : "-\(subcommand)").txt"
        #expect(try outcome.output == Snapshots.recorded(name, now: outcome.output))
    }

    @Test(arguments: ["slurm", "status"])
    func helpOfLaunchIsAsRecorded(subcommand: String) throws {
        let outcome = try D3LLMCommand()("launch", subcommand, "--help")
        #expect(outcome.code == 0)
        let name = "command/help-launch-\(subcommand).txt"
        #expect(try outcome.output == Snapshots.recorded(name, now: outcome.output))
    }

    @Test func everySubcommandIsTested() throws {
        let help = try D3LLMCommand()("--help").output
        let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
            .drop { $0 != "SUBCOMMANDS:" }.dropFirst().prefix { !$0.isEmpty }
        let names = lines.filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
            .compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(names == Self.subcommands)
    }

    @Test func tablesOfKindsAndMethodsAreAsRecorded() throws {
        let command = try D3LLMCommand()
        for arguments in [
            ["kinds"], ["kinds", "synthesize"], ["kinds", "pretrain"], ["kinds", "distill"],
            ["kinds", "aup"],
            ["methods"], ["methods", "vanilla"], ["methods", "multi-block-cache"],
        ] {
            let outcome = try command.start(arguments).wait()
            #expect(outcome.code == 0)
            let recorded = try Snapshots.recorded(
                "command/\(arguments.joined(separator: "-")).txt", now: outcome.output)
            #expect(outcome.output == recorded, "\(arguments)")
        }
    }

    @Test func versionIsOneLine() throws {
        let outcome = try D3LLMCommand()("--version")
        #expect(outcome.code == 0)
        #expect(outcome.output.split(separator: ".").count == 3 && outcome.output.hasSuffix("\n"))
    }
}
