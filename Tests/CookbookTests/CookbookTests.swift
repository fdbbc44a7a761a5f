import Base
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Cookbook

@Suite struct CookbookTests {
    static let root = Fixtures.path("").removingLastComponent().removingLastComponent()
    static let configs = root.appending("configs")

    /// The configurations of the repository that are experiments of their own, by name.
    private func committed() throws -> [String] {
        try ScratchFolder.files(below: Self.configs).filter {
            $0.hasSuffix(".json") && !$0.hasPrefix("schema/") && !$0.hasPrefix("published/")
                && $0 != "paper/data.json"
        }.map { String($0.dropLast(5)) }
    }

    @Test func everyConfigurationIsInTheProgramByteForByte() throws {
        #expect(Set(Cookbook.own.recipes.map(\.name)) == Set(try committed()))
        for (path, text) in CookbookFiles.all {
            let file = path == "data.lock" ? Self.root.appending(path) : Self.configs.pushing(FilePath(path))
            #expect(try FileSystem.readText(file) == text, "\(path)")
        }
    }

    /// The commands that `init` tells go by the name of the recipe.
    @Test(arguments: Cookbook.own.recipes)
    func aRecipeIsCalledAsItsExperimentAndSaysWhatItIs(recipe: Cookbook.Recipe) throws {
        let text = Cookbook.own.text(of: recipe)
        let root = try JSONDocument(parsing: Array(text.utf8), name: recipe.name, allowComments: true).root
        #expect(root["name"]?.string == recipe.name)
        #expect(!recipe.description.isEmpty && !recipe.cost.isEmpty)
    }

    @Test func namesMayLackTheFolderAndSlipsAreSuggested() throws {
        #expect(try Cookbook.own.recipe("first").name == "mini/first")
        #expect(try Cookbook.own.recipe("paper/d3llm-dream").name == "paper/d3llm-dream")
        for (slip, meant) in [
            ("frist", "mini/first"), ("mini/tabel1", "mini/table1"), ("smok", "mini/smoke"),
        ] {
            let error = #expect(throws: CookbookError.self) { try Cookbook.own.recipe(slip) }
            #expect(error?.description.contains("Did you mean \"\(meant)\"?") == true, "\(slip)")
        }
        let far = #expect(throws: CookbookError.self) { try Cookbook.own.recipe("something") }
        #expect(far?.description == "There is no recipe \"something\". `d3llm recipes` lists them.")
    }

    @Test(arguments: [
        ("mini/first", ["first.json"]), ("mini/first-seeds", ["first-seeds.json", "first.json"]),
        ("ablation/order", ["ablation/order.json", "mini/table1.json"]),
        ("own/checkpoint", ["checkpoint.json", "chain.json", "data.lock", "questions.jsonl"]),
        ("own/command", ["command.json", "questions.jsonl", "small.py"]),
        (
            "paper/components-llada",
            ["components-llada.json", "distill-llada.json", "data.json", "data.lock"]
        ),
    ])
    func aFolderHasWhatTheRecipeBuildsOnAndReads(name: String, files: [String]) throws {
        let folder = Cookbook.own.folder(of: try Cookbook.own.recipe(name))
        #expect(folder.files.map(\.path.string) == files)
        #expect(folder.configuration.string == files[0])
    }

    @Test func pathsAreThoseOfTheFolder() throws {
        let chain = Cookbook.own.folder(of: try Cookbook.own.recipe("own/chain"))
        let text = try #require(chain.files.first).text
        #expect(text.contains(#""$schema": "schema/experiment.json""#))
        #expect(text.contains(#""path": "questions.jsonl""#))
        // Below a folder the schema is where it is in the repository.
        let order = Cookbook.own.folder(of: try Cookbook.own.recipe("ablation/order"))
        #expect(order.files[0].text == Cookbook.own.text(of: order.recipe))
    }

    @Test func nothingIsWrittenOver() throws {
        let scratch = try ScratchFolder()
        let folder = Cookbook.own.folder(of: try Cookbook.own.recipe("first"))
        let place = scratch.path.appending("mine")
        try FileSystem.createDirectory(place)
        try folder.write(to: place)
        #expect(try ScratchFolder.files(below: place) == ["first.json"])
        try FileSystem.writeAtomically("changed", to: place.appending("first.json"))
        let again = #expect(throws: CookbookError.self) { try folder.write(to: place) }
        #expect(again?.description.contains("isn't empty; nothing was written") == true)
        #expect(again?.description.hasSuffix("d3llm init mini/first \(place)-2") == true)
        #expect(try FileSystem.readText(place.appending("first.json")) == "changed")
        let file = place.appending("first.json")
        let onFile = #expect(throws: CookbookError.self) { try folder.write(to: file) }
        #expect(onFile?.description.contains("is no folder") == true)
    }
}
