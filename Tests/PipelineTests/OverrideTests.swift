import JSON
import Recipes
import Testing

/// `--set`: values by the type of their key, and what wins.
@Suite struct OverrideTests {
    static let forms = stages(
        #""n": {"kind": "source", "count": 1}, "f": {"kind": "forms", "rate": 0.5, "colour": "blue", "others": "@n", "items": [{"name": "x"}, {"name": "y"}]}"#
    )

    static let typed: [(String, String, JSONValue)] = [
        ("title=7", "title", "7"),
        ("title=null", "title", "null"), ("note=null", "note", .null), ("note=\"null\"", "note", "null"),
        ("title=\"a b\"", "title", "a b"), ("title=[x", "title", "[x"), ("title=", "title", ""),
        ("title=a=b", "title", "a=b"),
        ("colour=red", "colour", "red"), ("colour=\"red\"", "colour", "red"),
        ("rate=1e-1", "rate", 0.1), ("names=[\"a\"]", "names", ["a"]),
        ("palette=[\"red\", \"green\"]", "palette", ["red", "green"]),
        ("extra={\"name\": \"7\"}", "extra", ["name": "7", "weight": 1.0]),
        ("extra.name=7", "extra", ["name": "7", "weight": 1.0]),
        ("items[1].name=7", "items", [["name": "x", "weight": 1.0], ["name": "7", "weight": 1.0]]),
        ("items[0].weight=2", "items", [["name": "x", "weight": 2.0], ["name": "y", "weight": 1.0]]),
    ]

    @Test(arguments: typed)
    func theTypeOfTheKeyDecides(argument: String, key: String, value: JSONValue) throws {
        let stage = try #require(try parse(Self.forms, set: ["stages.f.\(argument)"])["f"])
        #expect(stage.recipe.config[key] == value)
    }

    @Test(arguments: [
        ("others=@n.test", ["@n.test"]), ("others=[\"@n\", \"@n.test\"]", ["@n", "@n.test"]),
        ("others[0]=@n.test", ["@n.test"]),
    ])
    func referencesNeedNoQuotes(argument: String, expected: [String]) throws {
        let text = Self.forms.replacing("\"@n\"", with: "[\"@n\"]")
        let stage = try #require(try parse(text, set: ["stages.f.\(argument)"])["f"])
        #expect((stage.implementation as? ToyForms)?.others.map(\.description) == expected)
    }

    @Test(arguments: [
        ("stages.f.items[2].name=x", "asks for element [2] of a list of 2", "[0] to [1]"),
        ("stages.f.items.name=x", "can't be followed to \"name\": it leads into a list", "Only objects"),
        ("stages.f.rate[0]=1", "can't be followed to [0]: it leads into 0.5", "Only lists"),
        ("stages.f.rate=fast", "should be a number of at least 0 and below 1; this is \"fast\"", ""),
        ("stages.f.colour=rad", "this is \"rad\"", "Did you mean \"red\"?"),
        ("stages.f.colours=red", "has no key \"colours\"", "Did you mean \"colour\"?"),
        ("extends=x.json", "\"extends\" can only be set in a file", ""),
        ("stages.f.note=${x}", "There is no variable \"x\"", ""),
    ])
    func mistakesAreExplained(argument: String, message: String, hint: String) throws {
        let error = try #require(throws: ConfigurationError.self) { try parse(Self.forms, set: [argument]) }
        let problem = try #require(error.diagnostics.first)
        #expect(problem.file == "--set" && problem.message.contains(message), "\(problem)")
        #expect((problem.hint ?? "").contains(hint), "\(problem)")
    }

    @Test func theCommandLineWinsOverAMatrix() throws {
        let one = try parse(chain, set: ["stages.curve.decoder.threshold=0.75"])
        #expect(one["curve"]?.recipe.config["decoder"]?["threshold"] == 0.75)
        let single = chain.replacing("[0.25, 0.5, 1]}", with: "[0.25, 0.5], \"groupSize\": [1, 2]}")
        let left = try parse(single, set: ["stages.curve.groupSize=3"])
        #expect(
            left.stages.map(\.id).filter { $0.hasPrefix("curve") } == [
                "curve[threshold=0.25]", "curve[threshold=0.5]",
            ])
        #expect(left["curve[threshold=0.5]"]?.recipe.config["groupSize"] == 3)
        // The later of two wins, whichever it is.
        let swept = try parse(
            chain,
            set: ["stages.curve.decoder.threshold=0.75", "stages.curve.matrix.decoder.threshold=[0.5]"])
        #expect(swept["curve[threshold=0.5]"]?.recipe.config["decoder"]?["threshold"] == 0.5)
    }

    @Test func theCommandLineReachesIntoTheValuesOfAMatrix() throws {
        let text = chain.replacing(
            "\"decoder.threshold\": [0.25, 0.5, 1]", with: #""decoder": [{"delay": 1}, {"threshold": 1}]"#)
        let experiment = try parse(text, set: ["stages.curve.decoder.window=[9]"])
        let decoders = experiment.stages.filter { $0.name == "curve" }.map { $0.recipe.config["decoder"] }
        #expect(
            decoders == [
                ["threshold": 0.5, "delay": 1, "window": [9]], ["threshold": 1.0, "window": [9]],
            ])
    }

    @Test func matricesSweepElementsOfLists() throws {
        let text = Self.forms.replacing(
            #""rate": 0.5"#, with: #""rate": 0.5, "matrix": {"items[1].weight": [2, 3]}"#)
        let experiment = try parse(text)
        #expect(experiment.stages.dropFirst().map(\.id) == ["f[weight=2]", "f[weight=3]"])
        #expect(experiment["f[weight=3]"]?.recipe.config["items"]?.array?[1]["weight"] == 3.0)
    }
}
