import ArgumentParser
internal import Base
import Cookbook
import Files
import JSON
import Recipes
import Reporting
import SystemPackage

/// `d3llm recipes` lists the project's own configurations, which the program has in itself.
struct RecipesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipes", abstract: "List the experiments that come with the program, or print one.",
        discussion: """
            `d3llm init NAME` copies one into a folder of its own, with everything that it needs. A name may do without its \
            folder: first is mini/first. Times are for two cores; `d3llm plan` says them for this machine.
            """)

    @Argument(help: "The recipe to print.", completion: .list(Cookbook.names))
    var name: String?

    @OptionGroup var output: JSONOption

    func run() throws {
        try ExitCodes.reporting(asJSON: output.json) {
            let cookbook = Cookbook.own
            guard let name else {
                try output.print(Self.table(cookbook), Self.value(cookbook))
                return
            }
            let recipe = try cookbook.recipe(name)
            if output.json {
                var value = Self.value(recipe)
                value["text"] = .string(cookbook.text(of: recipe))
                value["files"] = .array(
                    cookbook.folder(of: recipe).files.map { .string($0.path.string) })
                try Output.json(.object(value))
            } else {
                Output.file(cookbook.text(of: recipe))
            }
        }
    }

    private static func table(_ cookbook: Cookbook) -> String {
        var table = Table(
            columns: [.init("Recipe"), .init("2 cores"), .init("What it is")],
            notes: [
                "d3llm init NAME copies one into a folder of its own; d3llm recipes NAME prints it."
            ])
        for recipe in cookbook.recipes {
            table.append([.text(recipe.name), .text(recipe.cost), .text(recipe.description)])
        }
        return TextTableRenderer().render(table)
    }

    private static func value(_ cookbook: Cookbook) -> JSONValue {
        ["recipes": .array(cookbook.recipes.map { .object(value($0)) })]
    }

    private static func value(_ recipe: Cookbook.Recipe) -> JSONObject {
        [
            "name": .string(recipe.name), "description": .string(recipe.description),
            "cost": .string(recipe.cost),
        ]
    }
}

/// `d3llm init` makes a folder with an experiment.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a folder with an experiment to run and to change.",
        discussion: """
            Without a recipe, it is a small one with comments, \(Cookbook.first), which runs in about a minute. `d3llm recipes` \
            lists the others. Files that the recipe builds on are copied too, and the schema by which editors complete \
            keys. The folder has to be new or empty: nothing is written over.
            """)

    @Argument(
        help: ArgumentHelp("The recipe, or the folder where it is the only argument and no recipe's name."),
        completion: .list(Cookbook.names))
    var recipe: String?

    @Argument(
        help: "The folder to make; by default the last part of the recipe's name.", completion: .directory)
    var folder: String?

    func run() throws {
        try ExitCodes.reporting {
            let (recipe, name) = try chosen(Cookbook.own)
            guard let place = FilePath(foreign: name), !place.isEmpty else {
                throw CookbookError(description: "\"\(name)\" can't be a folder.")
            }
            var folder = Cookbook.own.folder(of: recipe)
            folder.add(
                schema: String(decoding: try D3LLM.registry.schema.prettyBytes(), as: UTF8.self))
            try folder.write(to: place)
            Output.words(try told(folder, place))
        }
    }

    /// One argument alone is a recipe where it is the name of one, else the folder; a slip of the pen is no folder.
    private func chosen(_ cookbook: Cookbook) throws -> (Cookbook.Recipe, folder: String) {
        guard let given = self.recipe else {
            let first = try cookbook.recipe(Cookbook.first)
            return (first, first.shortName)
        }
        if let folder { return (try cookbook.recipe(given), folder) }
        if cookbook.find(given) == nil, cookbook.nearest(to: given) == nil {
            return (try cookbook.recipe(Cookbook.first), given)
        }
        let recipe = try cookbook.recipe(given)
        return (recipe, recipe.shortName)
    }

    private func told(_ folder: StarterFolder, _ place: FilePath) throws -> String {
        let program = try Self.program()
        let config = folder.configuration.string
        let width = folder.files.map(\.path.string.count).max() ?? 0
        let lines = folder.files.map { file -> String in
            let path = file.path.string
            return "  " + path + String(repeating: " ", count: width - path.count)
                + "  \(Self.purpose(of: file.path, in: folder))\n"
        }
        return """
            \(place) has the recipe \(folder.recipe.name): \(folder.recipe.description)
            \(lines.joined())
            Next (\(folder.recipe.cost) on two cores):
              cd \(ShellWord.quoted(place.string))
              \(program) run \(config)
              \(program) report \(folder.recipe.name)

            """
    }

    private static func purpose(of path: FilePath, in folder: StarterFolder) -> String {
        switch path {
        case folder.configuration: "the experiment, to read and to change"
        case "schema/experiment.json": "what editors complete and check it with"
        case _ where path.extension == "json": "what it builds on"
        case _ where path.extension == "lock": "where its downloads come from, and what they are"
        default: "what it reads"
        }
    }

    /// What calls this program in another folder.
    private static func program() throws -> String {
        guard let word = CommandLine.arguments.first, word.byteText.contains("/") else { return "d3llm" }
        return ShellWord.quoted(try FileSystem.absolute(FilePath(word)).lexicallyNormalized().string)
    }
}

extension Cookbook.Recipe {
    /// The last part of its name.
    fileprivate var shortName: String { FilePath(name).lastComponent?.string ?? name }
}
