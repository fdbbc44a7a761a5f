import ArgumentParser
import Pipeline

struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Check a configuration without running it.")

    @OptionGroup var experiment: ExperimentOptions

    func run() throws {
        try ExitCodes.reporting {
            let loaded = try experiment.load()
            let count = loaded.stages.count
            print(
                "\(experiment.config): \(loaded.name), \(count) \(count == 1 ? "stage" : "stages"), no problems."
            )
        }
    }
}
