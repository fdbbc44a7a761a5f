import ArgumentParser
import ArtifactStore
import Audit
import JSON
import Recipes
import Runs

struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Check a configuration without running it.")

    @OptionGroup var experiment: ExperimentOptions
    @OptionGroup var output: JSONOption

    func run() throws {
        try ExitCodes.reporting(asJSON: output.json) {
            let loaded = try experiment.load()
            let count = loaded.stages.count
            var value = loaded.value.object ?? [:]
            value["codeExecution"] = CodeExecutionOptions.value(loaded)
            try output.print(
                "\(experiment.config): \(loaded.name), \(count) \(count == 1 ? "stage" : "stages"), no problems.\n"
                    + CodeExecutionOptions.note(loaded),
                .object(value))
        }
    }
}
