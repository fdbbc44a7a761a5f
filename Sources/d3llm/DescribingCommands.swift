import ArgumentParser
import ArtifactStore
import Audit
import Base
import JSON
import Published
import Recipes
import Reporting
import Runs
import Stages
import SystemPackage

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

/// `d3llm schema` prints what editors check configurations with.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the JSON Schema of configurations.",
        discussion: """
            It is made from the descriptions that the parser itself goes by, and committed as \
            configs/schema/experiment.json; `make schema` writes that file anew. Configurations name it in "$schema", \
            so that an editor completes keys and marks mistakes.
            """)

    func run() throws {
        try ExitCodes.reporting {
            Output.file(String(decoding: try D3LLM.registry.schema.prettyBytes(), as: UTF8.self))
        }
    }
}

struct KindsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kinds", abstract: "List the kinds of stages, or the keys of one.")

    @Argument(
        help: "The kind whose keys to list.", completion: .list(D3LLM.registry.kinds.map { $0.name }))
    var kind: String?

    @OptionGroup var output: JSONOption

    func run() throws {
        guard let kind else {
            try output.print(D3LLM.registry.table, D3LLM.registry.value)
            return
        }
        guard let found = D3LLM.registry[kind] else {
            let hint = NearestName.hint(
                for: kind, among: D3LLM.registry.kinds.map { $0.name }, what: "Kinds")
            throw ValidationError("There is no kind \"\(kind)\". \(hint ?? "")")
        }
        try output.print(StageRegistry.table(of: found), StageRegistry.value(of: found))
    }
}

/// `d3llm coverage` says what of the papers is covered.
struct CoverageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coverage",
        abstract: "Say which tables, figures and claims of the papers are covered, and how.",
        discussion: """
            Lists every table, figure and claim of the d3LLM and D2F papers that is known: its configuration, whether it \
            was computed again, tested at mini scale, can be run with the weights or is out of reach, and why. Verdicts \
            of claims are those recorded in experiments/*/results. Run it in the repository.
            """)

    @OptionGroup var published: PublishedOptions
    @OptionGroup var output: JSONOption

    func run() throws {
        try ExitCodes.reporting(asJSON: output.json) {
            let folder = FilePath(published.path)
            let coverage = try Coverage(
                try published.load(), file: folder.appending("coverage.json"),
                root: folder.appending("..").appending(".."))
            try output.print(coverage.text, coverage.value)
        }
    }
}

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
