import Files
import SystemPackage
import TestSupport
import Testing

/// What is said of a name that nobody knows: the one that was meant.
@Suite struct SuggestionTests {
    let command: D3LLMCommand

    init() throws { command = try D3LLMCommand() }

    /// The log of a command line in the repository.
    private func log(_ arguments: String..., code: Int) throws -> String {
        let outcome = try command.started(
            "/usr/bin/env", ["-C", D3LLMCommand.root.string, D3LLMCommand.executable.string] + arguments
        ).wait()
        #expect(outcome.code == code, "\(arguments): \(outcome.log)")
        return outcome.log
    }

    @Test(arguments: [
        ("configs/mini/tabel1.json", "Did you mean configs/mini/table1.json?"),
        ("mini/first", "Did you mean configs/mini/first.json?"),
        ("order.json", "Did you mean configs/ablation/order.json?"),
        ("tabel1-seeds.json", "Did you mean configs/mini/table1-seeds.json?"),
        ("nothing-like-it.json", "Check the spelling, and that the folder exists."),
    ])
    func aConfigurationIsFound(given: String, hint: String) throws {
        for subcommand in ["validate", "run"] {
            let log = try log(subcommand, given, code: 3)
            #expect(log == "Could not read \(given): no such file or directory. \(hint)\n")
        }
    }

    @Test func aRecipeIsNamedWhereThereIsNoCheckout() throws {
        let outcome = try command.started(
            "/usr/bin/env",
            ["-C", command.scratch.path.string, D3LLMCommand.executable.string, "run", "mini/first"]
        ).wait()
        #expect(outcome.code == 3 && outcome.log.contains("d3llm init mini/first makes a folder with it"))
    }

    @Test func aFolderIsNoConfiguration() throws {
        let folder = command.scratch.path.appending("mine")
        try FileSystem.createDirectory(folder)
        try FileSystem.writeAtomically("{}", to: folder.appending("a.json"))
        let one = try log("validate", folder.string, code: 3)
        #expect(
            one.contains(
                "is a folder, not the configuration of an experiment. Did you mean \(folder)/a.json?"))
    }

    @Test(arguments: [
        (["vlidate", "x"], "d3llm has no subcommand \"vlidate\". Did you mean \"validate\"?"),
        (["config", "shwo"], "d3llm config has no subcommand \"shwo\". Did you mean \"show\"?"),
        (["launch", "statsu"], "Did you mean \"status\"?"), (["help", "repotr"], "Did you mean \"report\"?"),
        (["configs/mini/first.json"], "Did you mean \"run configs/mini/first.json\"?"),
        (["kinds", "distil"], "There is no kind \"distil\". Did you mean \"distill\"?"),
    ])
    func aSubcommandOrKindIsFound(arguments: [String], hint: String) throws {
        let outcome = try command.start(arguments).wait()
        #expect(outcome.code == 64 && outcome.log.contains(hint), "\(outcome.log)")
        #expect(outcome.log.contains("Usage: d3llm"))
    }

    @Test(arguments: [
        ("student.steps=60", "Did you mean \"stages.student.steps\"?"),
        ("stages.teacher.layers=2", "Did you mean \"model.layers\"?"),
        ("stages.studnt.steps=60", "Did you mean \"student\"?"),
    ])
    func thePathOfASettingIsFound(setting: String, hint: String) throws {
        let log = try log("validate", "configs/mini/first.json", "--set", setting, code: 2)
        #expect(log.contains("\(hint)\n\n1 problem found"), "\(log)")
    }

    @Test(arguments: [
        ("student.steps", "Did you mean \"stages.student.steps\"?"),
        ("stages.d3llm.threshold", "Did you mean \"stages.d3llm.decoder.threshold\"?"),
    ])
    func thePathToExplainIsFound(path: String, hint: String) throws {
        #expect(try log("config", "explain", path, "configs/mini/first.json", code: 2).contains(hint))
    }

    /// A configuration of the repository with something replaced.
    private func changed(_ old: String, _ new: String) throws -> String {
        let text = try FileSystem.readText(D3LLMCommand.root.pushing("configs/mini/first.json"))
        try #require(text.contains(old))
        return try command.config(text.replacing(old, with: new))
    }

    @Test(arguments: [
        ("d3LLM.aup", "d3LM.aup", "Did you mean \"d3LLM.aup\"?"),
        ("d3LLM.aup", "d3LLM.aub", "Did you mean \"d3LLM.aup\"?"),
        ("vanilla.aup", "vanila.tpf@90", "Did you mean \"vanilla.tpf@90\"?"),
    ])
    func theMeasureOfAClaimIsFound(old: String, new: String, hint: String) throws {
        #expect(try command("validate", try changed("\"\(old)\"", "\"\(new)\"")).log.contains(hint))
    }

    @Test func whatComesOfOneCauseIsToldOnce() throws {
        let renamed = try command("validate", try changed("\"problems\": {", "\"problem\": {"))
        #expect(renamed.code == 2 && renamed.log.contains("1 problem found"), "\(renamed.log)")
        #expect(renamed.log.contains("Did you mean \"problem\"?\nThe same at "))
        // A key that is missing because it is mistyped isn't missing besides.
        let mistyped = try command("validate", try changed("\"name\": \"mini", "\"nmae\": \"mini"))
        #expect(mistyped.log.contains("has no key \"nmae\"") && mistyped.log.contains("1 problem found"))
        #expect(!mistyped.log.contains("lacks the key"))
    }

    @Test func aFileThatIsExtendedIsFound() throws {
        _ = try command.config("{}", "base.json")
        let path = try command.config(#"{"extends": "bsae.json", "name": "x"}"#)
        #expect(try command("validate", path).log.contains("Did you mean \"base.json\"?"))
    }

    @Test func aStoreThatIsNotThereIsNamedInFull() throws {
        let nowhere = command.scratch.path.appending("nowhere")
        let place = nowhere.string
        #expect(
            try log("report", "mini/first", "--store", place, code: 2).contains(
                "No experiment has run in the store \(place): there is no such folder. --store names another."
            ))
        #expect(try log("runs", "--store", place, code: 2).contains("\(place): there is no such folder"))
        #expect(
            try log("decode", "mini/first/student", "hi", "--store", place, code: 2).contains(
                "There is no store \(place); --store names another."))
        let gc = try command("gc", "--store", place)
        #expect(gc.code == 0 && gc.output == "There is no store \(place): nothing to remove.\n")
        #expect(
            try log("verify", "configs/mini/first.json", "--store", place, code: 2).contains(
                "It is a configuration, whose newest run is called \"mini/first\"."))
    }

    @Test func otherFilesAndInputsAreNamed() throws {
        #expect(try log("data", "nowhere.jsonl", code: 3).contains("no such file or directory"))
        #expect(try log("fetch", "gsm8", "--check", code: 2).contains("Did you mean \"gsm8k\"?"))
    }
}
