import ArgumentParser
import ArtifactStore
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
