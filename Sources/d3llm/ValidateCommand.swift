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
            for (key, needs) in PermissionOptions.members(loaded) { value[key] = needs }
            if let groups = loaded.source?.groups, !groups.members.isEmpty {
                value["groups"] = .object(groups)
            }
            try output.print(
                "\(experiment.config): \(loaded.name), \(count) \(count == 1 ? "stage" : "stages"), no problems.\n"
                    + loaded.groupsNote + PermissionOptions.note(loaded),
                .object(value))
        }
    }
}
