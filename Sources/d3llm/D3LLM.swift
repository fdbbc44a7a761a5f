import ArgumentParser
import ArtifactStore
import Base
import Cluster
import Runs
import Sandbox
import Stages

@main
struct D3LLM: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "d3llm",
        abstract: "Pseudo-trajectory distillation of diffusion language models, as declarative experiments.",
        discussion: """
            An experiment is a JSON file of named stages. Each stage leaves an artifact in the store, under the \
            fingerprint of everything that decides its content; what is there already isn't made again. Results go \
            to standard output, the log to standard error.

            EXIT CODES
            \(ExitCodes.table)
            """,
        version: Version.current,
        subcommands: [
            InitCommand.self, RecipesCommand.self, EvaluateCommand.self, CompareCommand.self, RunCommand.self,
            WatchCommand.self, LaunchCommand.self, RunsCommand.self, BrowseCommand.self, ReportCommand.self,
            VerifyCommand.self,
            DeterminismCommand.self,
            DiffCommand.self, AgreeCommand.self,
            ExportCommand.self,
            ImportCommand.self, GCCommand.self, FetchCommand.self, DataCommand.self, PlanCommand.self,
            WhyCommand.self, ValidateCommand.self,
            ConfigCommand.self,
            SchemaCommand.self,
            TableCommand.self, LeaderboardCommand.self, CoverageCommand.self, PowerCommand.self,
            DecodeCommand.self, ChatCommand.self, ServeCommand.self,
            SamplesCommand.self, KindsCommand.self, MethodsCommand.self, ParityCommand.self,
            NotebookCommand.self,
            DoctorCommand.self,
            ManualCommand.self,
        ])

    /// The kinds of stages that configurations can name.
    static let registry = Stages.registry
}

/// What is said of a subcommand that there isn't: the parser takes it for an argument too many.
enum SubcommandHint {
    /// The message for a command line that begins with a word that is no subcommand; nil for all others.
    static func message(_ arguments: [String]) -> String? {
        var command: any ParsableCommand.Type = D3LLM.self
        var path = ["d3llm"]
        for word in arguments {
            let subcommands = command.configuration.subcommands
            guard !subcommands.isEmpty, !word.byteText.hasPrefix("-") else { return nil }
            let isHelp = path.count == 1 && word == "help"
            if isHelp { continue }
            if let next = subcommands.first(where: { $0.configuration.commandName == word }) {
                command = next
                path.append(word)
                continue
            }
            let names = subcommands.compactMap { $0.configuration.commandName }
            let meant = path.count == 1 && word.byteText.hasSuffix(".json") ? "run \(word)" : nil
            let hint =
                (meant ?? NearestName.nearest(to: word, among: names)).map { "Did you mean \"\($0)\"?" }
                ?? (names.count > 8 ? "" : "There are \(names.joined(separator: ", ")).")
            let whole = path.joined(separator: " ")
            return
                "Error: \(whole) has no subcommand \"\(word.visible)\". \(hint)\nUsage: \(whole) <subcommand>\n  See '\(whole) --help' for more information.\n"
        }
        return nil
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension D3LLM {
    /// Takes secrets out of reach before anything else is done, then does what the command line says.
    static func main() {
        EnvironmentSecrets.withhold()
        // A file beyond a limit of the shell's is an error of the write, as a full disk is, and no end by a signal.
        signal(SIGXFSZ, SIG_IGN)
        // Ranks of one job on one machine read one another's memory: so do MPI's libraries pass large messages. A debugger
        // needs it as well.
        PeakMemory.prepare()
        if RankLaunch.current() == nil, EnvironmentSecrets.value("D3LLM_DEBUGGABLE") == nil {
            ProcessMemory.protect()
        }
        if let message = SubcommandHint.message(Array(CommandLine.arguments.dropFirst())) {
            Output.notice(message)
            exit(withError: ExitCode.validationFailure)
        }
        main(nil)
    }
}
