import ArgumentParser
import DecodingStages
import JSON
import Recipes
import Runs

/// Whether programs that models wrote may be run.
struct CodeExecutionOptions: ParsableArguments {
    @Flag(help: "Run Python programs that the model writes, confined as this system allows.")
    var allowCodeExecution = false

    @Option(
        help: ArgumentHelp(
            "The weakest isolation for such programs: \(CodeExecution.levels.reversed().joined(separator: ", ")); \(CodeExecution.defaultFloor) by default.",
            valueName: "level"),
        completion: .list(CodeExecution.levels))
    var isolationFloor: String?

    func validate() throws {
        guard let isolationFloor, !CodeExecution.levels.contains(isolationFloor) else { return }
        throw ValidationError(
            "--isolation-floor is \"\(isolationFloor)\"; the levels are \(CodeExecution.levels.joined(separator: ", "))."
        )
    }

    var permissions: Permissions {
        Permissions(codeExecution: allowCodeExecution, isolationFloor: isolationFloor)
    }

    /// The same for programs: each stage with its reason, a phrase behind "because".
    static func value(_ experiment: Experiment) -> JSONValue {
        .array(
            experiment.codeExecutions.map { stage, reason in
                ["stage": .string(stage.id), "flag": "--allow-code-execution", "because": .string(reason)]
            })
    }

    /// What to tell who plans a run of stages with programs.
    static func note(_ experiment: Experiment) -> String {
        experiment.codeExecutions.map { stage, reason in
            "\(stage.id) needs --allow-code-execution, because \(reason).\n"
        }.joined()
    }
}
