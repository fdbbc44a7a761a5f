import ArgumentParser
import Pipeline

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Say for each stage whether it would run, and why.")

    @OptionGroup var experiment: ExperimentOptions
    @OptionGroup var storage: StoreOptions

    func run() throws {
        try ExitCodes.reporting {
            print(try Plan(try experiment.load(), store: storage.store).text, terminator: "")
        }
    }
}
