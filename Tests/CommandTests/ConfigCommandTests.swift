import Files
import SystemPackage
import TestSupport
import Testing

/// `config`, `schema` and `why` from the command line.
@Suite struct ConfigCommandTests {
    let command: D3LLMCommand
    let path: String

    init() throws {
        command = try D3LLMCommand()
        _ = try command.config(
            #"{"name": "quick", "variables": {"n": 4}, "stages": {"p": {"kind": "synthesize", "train": "${n}", "test": 2}}}"#,
            "base.json")
        path = try command.config(#"{"extends": "base.json", "stages": {"p": {"test": 3}}}"#)
    }

    @Test func whatIsShownIsAConfigurationAndTheOrderGoesToTheLog() throws {
        let shown = try command("config", "show", path, "--set", "variables.n=5")
        #expect(shown.code == 0 && shown.log.hasPrefix("Files, later ones win:\n"), "\(shown.log)")
        #expect(shown.output.contains("\"train\": 5") && !shown.output.contains("variables"))
        let again = try command.config(shown.output, "shown.json")
        #expect(try command("validate", again).output.hasSuffix("quick, 1 stage, no problems.\n"))
    }

    @Test func theOriginOfAValueIsExplained() throws {
        let explained = try command("config", "explain", "stages.p.train", path, "--set", "stages.p.train=6")
        #expect(explained.code == 0)
        for part in ["default", "20000", "base.json:1:90", "variable set at", "* --set", "later ones win"] {
            #expect(explained.output.contains(part), "\(part): \(explained.output)")
        }
        let unknown = try command("config", "explain", "stages.p.trian", path)
        #expect(unknown.code == 2 && unknown.log.contains("Did you mean \"train\"?"), "\(unknown.log)")
        let broken = try command("config", "show", path, "--set", "stages.p.train=0")
        #expect(broken.code == 2 && broken.output.isEmpty)
    }

    @Test func theSchemaIsPrinted() throws {
        let schema = try command("schema")
        let committed = D3LLMCommand.root.pushing("configs/schema/experiment.json")
        #expect(schema.code == 0)
        #expect(try schema.output == FileSystem.readText(committed), "Run `make schema`.")
    }

    @Test func aStageSaysWhyItWouldRun() throws {
        let store = ["--store", command.store.string]
        #expect(try command.start(["run", path] + store).wait().code == 0)
        let why = try command.start(["why", "p", path, "--set", "variables.n=5"] + store).wait()
        #expect(why.code == 0 && why.output.hasPrefix("p: will run\n"), "\(why.output)")
        #expect(why.output.hasSuffix("What differs, old → new:\n  train: 4 → 5\n"), "\(why.output)")
        let unknown = try command.start(["why", "q", path] + store).wait()
        #expect(unknown.code == 2 && unknown.log.contains("has no stage \"q\""))
    }

    @Test func aSweepIsAMatrixOrAReplication() throws {
        let swept = try command("config", "show", path, "--sweep", "stages.p.train=5,6")
        #expect(swept.output.contains(#""train": [5, 6]"#), "\(swept.output)")
        let plan = try command(
            "plan", path, "--sweep", "stages.p.train=5,6", "--no-forecast", "--store", command.store.string)
        #expect(
            plan.output == """
                p                         no artifact
                  [train=5]  will run
                  [train=6]  will run

                0 of 2 stages are cached.

                """, "\(plan.output)")
        let seeds = try command("config", "show", path, "--sweep", "seed=1,2")
        #expect(seeds.output.contains(#""seed": [1, 2]"#), "\(seeds.output)")
        // Words are texts, a list in brackets is taken as it is.
        let words = try command("config", "show", path, "--sweep", "variables.n=[7, 8]")
        #expect(words.output.contains(#""variables.n": [7, 8]"#), "\(words.output)")
        for (argument, message) in [
            ("train=5,6", "--sweep takes a key of a stage"), ("stages.p.train", "an equals sign and values"),
        ] {
            let wrong = try command("plan", path, "--sweep", argument)
            #expect(wrong.code == 2 && wrong.log.contains(message), "\(wrong.log)")
        }
    }
}
