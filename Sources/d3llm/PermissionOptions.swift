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
}

/// Which of the stages that need leave may be run.
struct PermissionOptions: ParsableArguments {
    @OptionGroup var codeExecution: CodeExecutionOptions

    @Flag(help: "Run commands that the configuration names, with all rights that you have.")
    var allowCommands = false

    var permissions: Permissions {
        var permissions = codeExecution.permissions
        permissions.commands = allowCommands
        return permissions
    }

    /// The arguments that give the same permissions to another process.
    var arguments: [String] {
        (codeExecution.allowCodeExecution ? [Permission.codeExecution.flag] : [])
            + (codeExecution.isolationFloor.map { ["--isolation-floor", $0] } ?? [])
            + (allowCommands ? [Permission.commands.flag] : [])
    }

    /// What the stages of an experiment need, for programs: by the kind of leave, each stage with its reason, a phrase
    /// behind "because".
    static func members(_ experiment: Experiment) -> [(String, JSONValue)] {
        [("codeExecution", Permission.codeExecution), ("commands", .commands)].map { key, permission in
            let stages = experiment.stages(needing: permission).map { stage, reason -> JSONValue in
                ["stage": .string(stage.id), "flag": .string(permission.flag), "because": .string(reason)]
            }
            return (key, .array(stages))
        }
    }

    /// What to tell who plans a run of such stages.
    static func note(_ experiment: Experiment) -> String {
        experiment.permissionNeeds.map { stage, need in
            "\(stage.id) needs \(need.permission.flag), because \(need.reason).\n"
        }.joined()
    }
}
