import JSON
import Recipes
import Testing

@Suite struct VariableTests {
    private func text(_ variables: String, _ forms: String = "") -> String {
        """
        {"name": "toy", "variables": {\(variables)}, "stages": {
          "n": {"kind": "source", "count": 1},
          "f": {"kind": "forms", "rate": 0.5, "colour": "blue", "others": "@n", "items": []\(forms)}}}
        """
    }

    private func config(_ variables: String, _ forms: String, set: [String] = []) throws -> JSONObject {
        try #require(try parse(text(variables, forms), set: set)["f"]).recipe.config
    }

    private func problems(_ text: String, set: [String] = []) -> [Diagnostic] {
        ConfigTexts(text).problems(set: set)
    }

    @Test func aWholeValueKeepsItsType() throws {
        let config = try config(
            #""r": 0.25, "list": [0.5, "${r}"], "item": {"name": "x", "weight": "${w}"}, "w": 2, "no": null"#,
            #", "limit": "${r}", "rates": "${list}", "extra": "${item}", "note": "${no}""#)
        #expect(config["limit"] == 0.25 && config["rates"] == [0.5, 0.25] && config["note"] == .null)
        #expect(config["extra"] == ["name": "x", "weight": 2.0])
    }

    @Test func insideATextScalarsAreWrittenOut() throws {
        let config = try config(
            #""a": "x", "b": 1e-3, "c": true"#, #", "title": "${a}-${b}/${c}, $${a} $5 $${""#)
        #expect(config["title"] == "x-1e-3/true, ${a} $5 ${")
    }

    @Test func matricesAndReferencesCanComeFromVariables() throws {
        let experiment = try parse(
            #"""
            {"name": "toy", "variables": {"ts": [0.25, 0.5], "source": "n", "kind": "curve"}, "stages": {
              "n": {"kind": "source", "count": 1},
              "c": {"kind": "${kind}", "data": "@${source}", "matrix": {"decoder.threshold": "${ts}"}}}}
            """#)
        #expect(experiment.stages.map(\.id) == ["n", "c[threshold=0.25]", "c[threshold=0.5]"])
    }

    @Test func theCommandLineAndDerivedFilesSetThem() throws {
        let base = #"""
            {"name": "toy", "variables": {"count": 2, "name": "x", "double": "${count}", "spare": 1}, "stages": {
              "n": {"kind": "source", "count": "${double}"}}}
            """#
        let texts = ConfigTexts(
            #"{"extends": "base.json", "variables": {"count": 3}}"#, ("dir/base.json", base))
        #expect(try texts.experiment()["n"]?.recipe.config["count"] == 3)
        #expect(try texts.experiment(set: ["variables.count=4"])["n"]?.recipe.config["count"] == 4)
        #expect(try texts.experiment(set: ["stages.n.count=${spare}"])["n"]?.recipe.config["count"] == 1)
    }

    @Test func overridesReachIntoAValueThatAVariableGave() throws {
        let config = try config(
            #""item": {"name": "x", "weight": 3}"#,
            #", "extra": "${item}", "items": ["${item}"]"#
                .replacing(", \"items\": [\"${item}\"]", with: ""),
            set: ["stages.f.extra.weight=4"])
        #expect(config["extra"] == ["name": "x", "weight": 4.0])
    }

    @Test func aBadValueIsShownWhereItWasWrittenAndWhereItIsUsed() throws {
        let found = ConfigTexts(
            "{\"extends\": \"base.json\", \"stages\": {\"n\": {\"kind\": \"source\",\n \"count\": \"${size}\"}}}",
            ("dir/base.json", "{\"name\": \"toy\",\n\"variables\": {\"size\": 0}}")
        ).problems()
        #expect(
            found.map(\.description) == [
                """
                dir/base.json:2:23: "count" of stage "n" should be a whole number from 1 to 1000; this is 0.
                "variables": {"size": 0}}
                                      ^
                The value is used at dir/main.json:2:11.
                """
            ])
    }

    @Test(arguments: [
        (#""a": 1"#, #", "title": ⟨"${b}""#, "There is no variable \"b\".", "Did you mean \"a\"?"),
        (
            #""ab": 1, "c": "${ab}""#, #", "title": ⟨"${abc} ${c}""#, "no variable \"abc\"",
            "Did you mean \"ab\"?"
        ),
        (#""a": ⟨"${a}""#, #", "title": "${a}""#, "in a circle: a → a", ""),
        (#""a": "x${b}", "b": ⟨"${a}""#, #", "title": "${a}""#, "in a circle: a → b → a", ""),
        (#""a": [1]"#, #", "title": ⟨"x${a}""#, "\"a\" is a list, which can't stand inside a text", ""),
        (#""a": null"#, #", "title": ⟨"x${a}""#, "\"a\" is null", ""),
        (#""a": 1"#, #", "title": ⟨"${a""#, "never closed", "$${"),
        (#""a": 1, ⟨"b c": 2"#, #", "limit": "${a}""#, "\"b c\" can't be the name", ""),
        (#"⟨"a": 1"#, "", "Nothing uses the variable \"a\".", ""),
        (
            #""limit": 1, ⟨"limt": 2"#, #", "limit": "${limit}""#, "Nothing uses the variable \"limt\"",
            "Did you mean \"limit\"?"
        ),
    ])
    func mistakesArePointedAt(variables: String, forms: String, message: String, hint: String) throws {
        let marked = text(variables, forms)
        let found = problems(marked.replacing("⟨", with: ""))
        let problem = try #require(found.first { $0.message.contains(message) }, "\(found)")
        #expect((problem.hint ?? "").contains(hint), "\(problem)")
        let lines = marked.split(separator: "\n")
        let line = try #require(lines.firstIndex { $0.contains("⟨") })
        #expect(
            problem.line == line + 1
                && problem.column == (lines[line].firstIndex(of: "⟨")?.utf16Offset(in: lines[line]) ?? 0) + 1)
    }

    @Test func unknownOnesOfTheCommandLineAreReported() {
        let found = problems(text(#""limit": 1"#, #", "limit": "${limit}""#), set: ["variables.limt=2"])
        #expect(found.map(\.message) == ["Nothing uses the variable \"limt\"."])
        #expect(found.first?.file == "--set")
    }

    /// Named, since arguments are printed whole.
    enum Growth: CaseIterable {
        case doubledLists, doubledTexts, longChain, deepLists

        var variables: [String] {
            switch self {
            case .doubledLists:
                (0..<40).map { "\"v\($0)\": [\"${v\($0 + 1)}\", \"${v\($0 + 1)}\"]" } + ["\"v40\": 1"]
            case .doubledTexts:
                (0..<40).map { "\"v\($0)\": \"${v\($0 + 1)}${v\($0 + 1)}\"" } + ["\"v40\": \"xxxxxxxx\""]
            case .longChain:
                (0..<5000).map { "\"v\($0)\": \"${v\($0 + 1)}\"" } + ["\"v5000\": 1"]
            case .deepLists:
                (0..<50).map {
                    let (open, close) = (String(repeating: "[", count: 99), String(repeating: "]", count: 99))
                    return "\"v\($0)\": \(open)\"${v\($0 + 1)}\"\(close)"
                } + ["\"v50\": 1"]
            }
        }
    }

    @Test(arguments: Growth.allCases) func whatGrowsWithoutLimitIsStopped(_ growth: Growth) {
        let found = problems(text(growth.variables.joined(separator: ", "), #", "title": "${v0}""#))
        #expect(found.contains { $0.message.contains("larger or deeper") }, "\(found.prefix(3))")
    }
}
