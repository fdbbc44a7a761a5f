import ArgumentParser
import ArtifactStore
import Stages

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what this machine has, how fast it is, and what it lacks.",
        discussion: "Takes a few seconds and changes nothing. The exit code is 1 if something is missing.")

    @OptionGroup var storage: StoreOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        try ExitCodes.reporting {
            let report = MachineReport.make(store: storage.store, threads: Machine.current.cores)
            if json { Output.file(try report.json()) } else { Output.words(report.text) }
            if !report.problems.isEmpty { throw ExitCodes.failure }
        }
    }
}
