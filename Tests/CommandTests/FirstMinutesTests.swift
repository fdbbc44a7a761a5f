import Files
import JSON
import SystemPackage
import TestSupport
import Testing

/// What a newcomer types in the first ten minutes, in a folder of their own and with nothing but the program.
@Suite struct FirstMinutesTests {
    let command: D3LLMCommand

    init() throws { command = try D3LLMCommand() }

    /// Runs the program in a folder below the scratch folder.
    private func typed(in folder: String = "", _ arguments: String...) throws -> Command.Outcome {
        let place = command.scratch.path.pushing(FilePath(folder)).string
        return try command.started(
            "/usr/bin/env", ["-C", place, "COLUMNS=100", D3LLMCommand.executable.string] + arguments
        ).wait()
    }

    @Test func fromNothingToTwoRunsSideBySide() throws {
        let made = try typed("init")
        #expect(made.code == 0 && made.output.hasPrefix("first has the recipe mini/first: "), "\(made.log)")
        // The teacher only, with fewer steps than the file has: `make docs-check` runs it all.
        let quick = [
            "--only", "vanilla", "--set", "stages.problems.test=8", "--set", "stages.problems.train=200",
            "--set", "stages.teacher.phases[0].steps=3", "--set", "stages.teacher.phases[1].steps=3",
        ]
        func run(_ more: String...) throws -> Command.Outcome {
            try command.started(
                "/usr/bin/env",
                ["-C", command.scratch.path.appending("first").string, D3LLMCommand.executable.string, "run"]
                    + ["first.json", "--no-forecast"] + quick + more
            ).wait()
        }
        let first = try run()
        #expect(first.code == 0 && first.log.contains("vanilla: "), "\(first.log)")
        let report = try typed(in: "first", "report", "mini/first")
        #expect(report.code == 0, "\(report.log)")
        let runs = command.scratch.path.pushing("first/store/mini/first/runs")
        let name = try #require(try FileSystem.list(runs).first)
        #expect(FileSystem.exists(runs.appending(name).appending("report.html")))

        let second = try run("--set", "stages.vanilla.decoder.blockLength=16")
        #expect(second.code == 0, "\(second.log)")
        let listed = try typed(in: "first", "runs", "mini/first")
        #expect(listed.code == 0, "\(listed.log)")
        #expect(listed.output.contains("vanilla.accuracy") && listed.output.contains("(the first)"))
        #expect(listed.output.contains("stages.vanilla.decoder.blockLength: 8 → 16"), "\(listed.output)")
        let compared = try typed(in: "first", "runs", "compare", "mini/first~1", "mini/first", "--json")
        let value = JSONValue(
            try JSONDocument(parsing: Array(compared.output.utf8), name: "compared").root)
        #expect(value["settings"]?.array?.map { $0["path"] } == ["stages.vanilla.decoder.blockLength"])
        #expect(value["settings"]?.array?.first?["values"] == [8, 16])
        let found = try typed(
            in: "first", "runs", "--where", "stages.vanilla.decoder.blockLength=16", "--json")
        let foundValue = JSONValue(
            try JSONDocument(parsing: Array(found.output.utf8), name: "found").root)
        #expect(foundValue["runs"]?.array?.count == 1)
    }

    @Test func everyRecipeIsAnExperimentOfItsOwnFolder() throws {
        let listed = try command("recipes", "--json")
        let recipes = try JSONDocument(parsing: Array(listed.output.utf8), name: "recipes").root["recipes"]
        let names = try #require(recipes?.array).compactMap { $0["name"]?.string }
        #expect(names.count > 25)
        for name in names {
            // Two folders of recipes may have one of the same name.
            let folder = name.replacing("/", with: "-")
            let made = try typed("init", name, folder)
            #expect(made.code == 0, "\(name): \(made.log)")
            let config = try #require(
                made.output.split(separator: "\n").first { $0.hasPrefix("  ") }?.split(separator: " ").first)
            let valid = try typed(in: folder, "validate", String(config))
            #expect(valid.code == 0 && valid.output.contains("no problems"), "\(name): \(valid.log)")
        }
    }

    @Test func initSaysWhatItMadeAndWritesOverNothing() throws {
        let made = try typed("init", "own/chain", "mine")
        let program = D3LLMCommand.executable.lexicallyNormalized().string
        let told = made.output.replacing(program, with: "d3llm")
        #expect(try told == Snapshots.recorded("command/init.txt", now: told))
        let again = try typed("init", "own/chain", "mine")
        #expect(
            again.code == 2 && again.log.contains("mine isn't empty; nothing was written"), "\(again.log)")
        // One word that is no recipe and like none is a folder.
        let folder = try typed("init", "experiment-1")
        #expect(folder.code == 0 && folder.output.hasPrefix("experiment-1 has the recipe mini/first"))
        let slip = try typed("init", "frist")
        #expect(slip.code == 2 && slip.log.contains("Did you mean \"mini/first\"?"))
        #expect(!FileSystem.exists(command.scratch.path.appending("frist")))
    }

    @Test func recipesAreListedAndPrinted() throws {
        let listed = try command("recipes")
        #expect(listed.code == 0)
        #expect(try listed.output == Snapshots.recorded("command/recipes.txt", now: listed.output))
        let printed = try command("recipes", "smoke")
        let path = try command.config(printed.output, "smoke.json")
        #expect(try command("validate", path).output.contains("mini/smoke, "))
        let unknown = try command("recipes", "smoek")
        #expect(unknown.code == 2 && unknown.log.contains("Did you mean \"mini/smoke\"?"))
    }
}
