import Base
import Files
import SystemPackage
import TestSupport
import Testing

/// The exit codes that `d3llm help` lists are those that are given.
@Suite struct ExitCodeTests {
    let command: D3LLMCommand

    init() throws { command = try D3LLMCommand() }

    /// A valid experiment of one quick stage.
    static let quick = #"{"name": "quick", "stages": {"p": {"kind": "synthesize", "train": 4, "test": 2}}}"#

    @Test func helpListsEachOfThem() throws {
        let codes = try command("--help").output.split(separator: "\n")
            .drop { $0 != "EXIT CODES" }.dropFirst().prefix { $0 != "USAGE: d3llm <subcommand>" }
            .compactMap { $0.split(separator: " ").first.flatMap { Int($0) } }
        #expect(codes == [0, 1, 2, 3, 64, 69, 130])
    }

    @Test(arguments: [
        (
            #"{"name": "t", "stages": {"p": {"kind": "synthesize", "trian": 4}}}"#, ":1:54: ",
            "Did you mean \"train\"?"
        ),
        (
            #"{"name": "t", "stages": {"p": {"kind": "synthesise"}}}"#, ":1:40: ",
            "Did you mean \"synthesize\"?"
        ),
        (
            #"{"name": "t", "stages": {"k": {"kind": "tokenizer", "corpus": "@nobody"}}}"#, ":1:63: ",
            "\"nobody\", which isn't in this experiment"
        ),
        (
            #"{"name": "t", "stages": {"k": {"kind": "tokenizer", "corpus": "@k"}}}"#, ":1:63: ",
            "needs a dataset, but"
        ),
        (
            #"{"name": "t", "stages": {"p": {"kind": "synthesize", "train": "4"}}}"#, ":1:63: ",
            "should be a whole number from 1"
        ),
        (
            #"{"name": "t", "stages": {"p": {"kind": "synthesize", "train": 0}}}"#, ":1:63: ",
            "should be a whole number from 1"
        ),
        ("{\n  \"name\": \"t\",\n}", ":3:1: ", "A comma may not stand before the end of an object."),
    ])
    func anInvalidConfigurationIs2(text: String, place: String, message: String) throws {
        let path = try command.config(text)
        for subcommand in ["validate", "plan", "run"] {
            let storage = subcommand == "validate" ? [] : ["--store", command.store.string]
            let outcome = try command.start([subcommand, path] + storage).wait()
            #expect(outcome.code == 2 && outcome.output.isEmpty)
            #expect(outcome.log.contains(path + place), "\(outcome.log)")
            #expect(outcome.log.contains(message), "\(outcome.log)")
        }
        #expect(!FileSystem.exists(command.store))
    }

    @Test func aCycleIs2AndNamesItsStages() throws {
        let distill = #""kind": "distill", "data": "@p""#
        let trajectories = #""kind": "trajectories", "data": "@p""#
        let path = try command.config(
            """
            {"name": "t", "stages": {"p": {"kind": "synthesize"},
              "a": {\(distill), "teacher": "@a", "trajectories": "@b"},
              "b": {\(trajectories), "teacher": "@a"}}}
            """)
        let outcome = try command("validate", path)
        #expect(outcome.code == 2)
        #expect(outcome.log.contains("\(path):2:") && outcome.log.contains("a → "), "\(outcome.log)")
    }

    @Test func aStageThatIsNotThereIs2() throws {
        let path = try command.config(Self.quick)
        let outcome = try command("run", path, "--store", command.store.string, "--only", "q")
        #expect(outcome.code == 2)
        #expect(outcome.log.contains("has no stage \"q\""))
    }

    @Test func aMissingFileIs3() throws {
        for (arguments, message) in [
            (["validate", "nowhere.json"], "no such file or directory"),
            (["parity", "nowhere"], "nowhere isn't a folder"),
        ] {
            let outcome = try command.start(arguments).wait()
            #expect(outcome.code == 3 && outcome.log.contains(message), "\(arguments): \(outcome.log)")
        }
    }

    @Test func aStoreThatCannotBeWrittenIs3() throws {
        let path = try command.config(Self.quick)
        try FileSystem.writeAtomically("in the way", to: command.store)
        let outcome = try command("run", path, "--store", command.store.string)
        #expect(outcome.code == 3)
        #expect(outcome.log.contains("A part of that path is a file"), "\(outcome.log)")
        #expect(try FileSystem.readText(command.store) == "in the way")
    }

    @Test(arguments: [
        ["run"], ["run", "a.json", "--threads", "0"], ["run", "a.json", "--threads", "two"], ["fly"],
        ["validate", "a.json", "--nothing"], ["kinds", "nothing"], ["methods", "multiblock"],
    ])
    func wrongUsageIs64(arguments: [String]) throws {
        let outcome = try command.start(arguments).wait()
        #expect(outcome.code == 64, "\(outcome.log)")
        #expect(outcome.log.contains("Usage: d3llm"))
        if arguments[0] == "methods" { #expect(outcome.log.contains("Did you mean \"multi-block\"?")) }
    }

    /// An empty file of the library's name, found before the real one, stands for a machine without it.
    @Test func aMissingLibraryIs69AndTheDoctorSays1() throws {
        let folder = command.scratch.path.appending("lib")
        try FileSystem.createDirectory(folder)
        for name in ["libopenblas.so.0", "libopenblas.so"] {
            try FileSystem.writeAtomically("", to: folder.appending(name))
        }
        let environment = ["LD_LIBRARY_PATH": folder.string]
        let path = try command.config(Self.quick)
        let run = try command("run", path, "--store", command.store.string, environment: environment)
        #expect(run.code == 69)
        #expect(run.log.contains("apt-get install libopenblas-dev"), "\(run.log)")
        #expect(!FileSystem.exists(command.store.appending("quick")))
        let doctor = try command("doctor", environment: environment)
        #expect(doctor.code == 1)
        #expect(
            doctor.output.contains("To be put right first:\n- OpenBLAS can't be loaded"), "\(doctor.output)")
        // What needs no numbers works all the same.
        #expect(try command("validate", path, environment: environment).code == 0)
    }

    @Test func damagedInputIs3AndImpossibleWorkIs1() throws {
        let store = ["--store", command.store.string]
        let made = try command.start(["run", D3LLMCommand.micro, "--only", "teacher"] + store).wait()
        #expect(made.code == 0, "\(made.log)")
        let teacher = try #require(try FileSystem.list(command.experiment).first { $0.hasPrefix("teacher-") })
        let weights = command.experiment.appending(teacher).appending("model.safetensors")
        var bytes = try FileSystem.read(weights)
        let before = SHA256.hex(of: bytes)
        bytes[1] ^= 0xFF
        try FileSystem.writeAtomically(bytes, to: weights)
        // With its hash in the record too: one that differs from its record is made again.
        let record = command.experiment.appending(teacher).appending("artifact.json")
        let text = try FileSystem.readText(record).byteText
            .replacing(before.byteText, with: SHA256.hex(of: bytes).byteText).text
        try FileSystem.writeAtomically(text, to: record)
        let damaged = try command.start(["run", D3LLMCommand.micro, "--only", "trajectories"] + store).wait()
        #expect(damaged.code == 3 && damaged.log.contains("model.safetensors"), "\(damaged.log)")
        let set = ["--set", "stages.teacher.generationLength=8"]
        let impossible = try command.start(["run", D3LLMCommand.micro, "--only", "teacher"] + set + store)
            .wait()
        #expect(impossible.code == 1 && impossible.log.contains("raise it"), "\(impossible.log)")
        #expect(try FileSystem.list(command.store.appending(".tmp")) == [])
    }
}
