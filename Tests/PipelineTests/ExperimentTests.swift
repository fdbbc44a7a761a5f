import JSON
import Recipes
import Testing

@Suite struct ExperimentTests {
    @Test func ordersStagesAfterTheirInputs() throws {
        let experiment = try parse(
            stages(
                #""t": {"kind": "table", "curves": {"x": "@c"}}, "c": {"kind": "curve", "data": "@n"}, "n": {"kind": "source", "count": 1}"#
            ))
        #expect(experiment.stages.map(\.id) == ["n", "c", "t"])
    }

    @Test func expandsAMatrixWithLaterKeysFastest() throws {
        let experiment = try parse(
            stages(
                #""n": {"kind": "source", "matrix": {"count": [1, 2], "order": ["rising", "falling"], "seed": [0]}}"#
            ))
        #expect(
            experiment.stages.map(\.id) == [
                "n[count=1,order=rising,seed=0]", "n[count=1,order=falling,seed=0]",
                "n[count=2,order=rising,seed=0]", "n[count=2,order=falling,seed=0]",
            ])
        #expect(experiment.stages[3].variant == ["count": 2, "order": "falling", "seed": 0])
        #expect(Set(experiment.stages.map(\.fingerprint)).count == 4)
    }

    @Test func namesVariantsByDottedPathWhereLastPartsClash() throws {
        let experiment = try parse(
            stages(
                #""n": {"kind": "source", "count": 1}, "c": {"kind": "curve", "data": "@n", "matrix": {"decoder.delay": [null, 1], "decoder.window": [[1], [2, 3]]}}"#
            ))
        #expect(
            experiment.stages.dropFirst().map(\.id) == [
                "c[delay=null,window=#1]", "c[delay=null,window=#2]", "c[delay=1,window=#1]",
                "c[delay=1,window=#2]",
            ])
    }

    @Test func listsStandForAllVariantsAndKeepLabels() throws {
        let table = try #require(try parse(chain)["table"]?.implementation as? ToyTable)
        #expect(table.curves.map(\.label) == ["swept", "alone"])
        #expect(
            table.curves[0].artifacts.map(\.description) == [
                "@curve[threshold=0.25]", "@curve[threshold=0.5]", "@curve[threshold=1]",
            ])
    }

    @Test func oneVariantCanBeNamed() throws {
        let text = chain.replacing("\"@curve\"", with: "[\"@curve[threshold=1]\", \"@single\"]")
        let table = try #require(try parse(text)["table"]?.implementation as? ToyTable)
        #expect(table.curves[0].artifacts.map(\.description) == ["@curve[threshold=1]", "@single"])
    }

    @Test func fingerprintFollowsTheRecipeAndNothingElse() throws {
        func fingerprint(_ stage: String, _ text: String = chain, _ set: [String] = []) throws -> String {
            try #require(try parse(text, set: set)[stage]).fingerprint
        }
        let numbers = try fingerprint("numbers")
        let table = try fingerprint("table")
        // Written-out defaults, execution keys, names, descriptions and the order of keys don't matter.
        #expect(try fingerprint("numbers", chain, ["stages.numbers.order=rising"]) == numbers)
        #expect(try fingerprint("numbers", chain, ["stages.numbers.verbose=true"]) == numbers)
        #expect(try fingerprint("numbers", chain, ["stages.numbers.count=5.0"]) == numbers)
        #expect(try fingerprint("table", chain, ["name=other", "description=x"]) == table)
        let renamed = chain.replacing("numbers", with: "digits")
        #expect(try fingerprint("digits", renamed) == numbers)
        #expect(try fingerprint("table", renamed) == table)
        // Keys, seeds, parts, labels and whatever changes upstream do.
        #expect(try fingerprint("numbers", chain, ["stages.numbers.count=6"]) != numbers)
        #expect(try fingerprint("numbers", chain, ["seed=4"]) != numbers)
        #expect(
            try fingerprint("numbers", chain, ["stages.numbers.seed=4"])
                == fingerprint("numbers", chain, ["seed=4"]))
        #expect(try fingerprint("table", chain, ["stages.numbers.count=6"]) != table)
        #expect(try fingerprint("single", chain, ["stages.single.data=@numbers"]) != fingerprint("single"))
        #expect(try fingerprint("table", chain.replacing("\"alone\"", with: "\"lone\"")) != table)
    }

    @Test func recipesHaveThisForm() throws {
        let recipe = try #require(try parse(chain)["single"]).recipe
        let numbers = try #require(try parse(chain)["numbers"]).fingerprint
        #expect(
            String(decoding: try recipe.value.canonicalBytes(), as: UTF8.self)
                == #"{"config":{"decoder":{"threshold":0.5,"window":[1,2]},"groupSize":1},"format":1,"inputs":{"data":"\#(numbers).test"},"kind":"curve","seed":3,"version":2}"#
        )
        // A change here makes every store out of date: raise Recipe.format when it is meant.
        #expect(numbers == "874fbe97e9c60624372c74177a68e1fe5087a74c0a207d60204c6b381b3504f6")
    }

    @Test(arguments: [
        ("stages.curve.decoder.delay=7", "curve[threshold=1]", "delay", JSONValue.integer(7)),
        ("stages.single.decoder.threshold=1", "single", "threshold", .integer(1)),
        ("stages.single.decoder={\"threshold\": 0.125}", "single", "threshold", .number(0.125)),
    ])
    func overridesReachTheRecipe(argument: String, stage: String, key: String, value: JSONValue) throws {
        let recipe = try #require(try parse(chain, set: [argument])[stage]).recipe
        #expect(recipe.config["decoder"]?[key]?.double == value.double)
    }

    @Test func overridesCanReplaceAMatrix() throws {
        let experiment = try parse(chain, set: ["stages.curve.matrix={\"decoder.threshold\": [0.75]}"])
        #expect(experiment.stages.filter { $0.name == "curve" }.map(\.id) == ["curve[threshold=0.75]"])
    }

    @Test(arguments: [
        ("stages.curv.decoder.delay=1", 1, "There is no stage \"curv\"", "Did you mean \"curve\"?"),
        ("stages.numbers.cuont=1", 1, "has no key \"cuont\"", "Did you mean \"count\"?"),
        ("stages.numbers.count=x", 22, "this is \"x\"", ""),
        ("stages.numbers.count.deep=1", 1, "can't be followed to \"deep\": it leads into 5", ""),
        ("stages.numbers.count=[1", 22, "starts like JSON", "Quote"),
        ("nonsense", 1, "an equals sign", "--set stages"),
        ("a..b=1", 1, "empty part", ""), ("sed=1", 1, "no key \"sed\"", "Did you mean \"seed\"?"),
    ])
    func badOverridesAreExplained(argument: String, column: Int, message: String, hint: String) throws {
        let error = try #require(throws: ConfigurationError.self) { try parse(chain, set: [argument]) }
        let problem = try #require(error.diagnostics.first)
        #expect(problem.file == "--set" && problem.line == 1 && problem.column == column, "\(problem)")
        #expect(problem.message.contains(message) && (problem.hint ?? "").contains(hint), "\(problem)")
    }
}
