public import ArgumentParser
import ArtifactStore
internal import Base
import DecodingStages
import JSON
import Recipes
public import Reporting
import Runs
import SystemPackage

// Types of other modules that options take.

extension StoreLocks: ExpressibleByArgument {}
extension TableFormat: ExpressibleByArgument {}
extension Trust: ExpressibleByArgument {}

/// Names that a shell offers where the command line takes a stage.
enum StageNames {
    /// The stages of the configuration that the command line names; variants once a bracket is typed.
    static let completion = CompletionKind.custom { words, _, prefix in names(words, prefix: prefix) }

    /// - Parameters:
    ///   - words: The command line so far; the configuration is the first word that ends in ".json".
    ///   - prefix: What has been typed of the name.
    static func names(_ words: [String], prefix: String) -> [String] {
        guard let config = words.first(where: { $0.byteText.hasSuffix(".json") }),
            let experiment = try? Configuration(
                FilePath(config), overrides: overrides(words), registry: D3LLM.registry
            ).experiment()
        else { return [] }
        var names: [String] = []
        for stage in experiment.stages {
            let name = prefix.byteText.contains("[") ? stage.id : stage.name
            if name.byteText.hasPrefix(prefix), !names.contains(name) { names.append(name) }
        }
        return names
    }

    private static func overrides(_ words: [String]) -> [String] {
        zip(words, words.dropFirst()).compactMap { flag, argument in
            guard argument.byteText.contains("=") else { return nil }
            return flag == "--set" ? argument : flag == "--group" ? "groups.\(argument)" : nil
        }
    }
}

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
