import JSON
import Recipes
import Testing

@Suite struct ConfigProblemTests {
    func problems(_ text: String, set: [String] = []) -> [Diagnostic] {
        do throws(ConfigurationError) {
            _ = try parse(text, set: set)
            return []
        } catch { return error.diagnostics }
    }

    /// In each body, `⟨` marks the place to which the one message points.
    @Test(arguments: [
        (
            #""a": {"kind": "source", ⟨"cuont": 3, "count": 3}"#, "has no key \"cuont\"",
            "Did you mean \"count\"?"
        ),
        (
            #""a": {"kind": "source", "count": 3, ⟨"zzz": 3}"#, "has no key \"zzz\"",
            "Its keys: count, order, verbose"
        ),
        (#""a": {"kind": ⟨"sorce", "count": 3}"#, "no kind \"sorce\"", "Did you mean \"source\"?"),
        (#""a": {"kind": ⟨7, "count": 3}"#, "no kind 7", "Kinds: source"),
        (#"⟨"a": {"count": 3}"#, "lacks the key \"kind\"", "Kinds: source, curve, table, forms."),
        (#""a": ⟨[1]"#, "should be an object; this is a list", ""),
        (#"⟨"a": {"kind": "source"}"#, "lacks the key \"count\"", "a whole number from 1 to 1000"),
        (#""a": {"kind": "source", "count": ⟨"3"}"#, "a whole number from 1 to 1000; this is \"3\"", ""),
        (#""a": {"kind": "source", "count": ⟨2.5}"#, "this is 2.5", ""),
        (#""a": {"kind": "source", "count": ⟨0}"#, "from 1 to 1000; this is 0", ""),
        (#""a": {"kind": "source", "count": ⟨99999999999999999999}"#, "this is 99999999999999999999", ""),
        (#""a": {"kind": "source", "count": ⟨null}"#, "this is null", ""),
        (
            #""a": {"kind": "source", "count": 3, "order": ⟨"riseng"}"#, "one of \"rising\", \"falling\"",
            "Did you mean \"rising\"?"
        ),
        (#""a": {"kind": "source", "count": 3, "verbose": ⟨1}"#, "true or false; this is 1", ""),
        (
            #""a": {"kind": "source", "count": 3, "seed": ⟨-1}"#,
            "\"seed\" of stage \"a\" should be a whole number of at least 0", ""
        ),
        (#""a b": {"kind": "source", "count": 3}"#, "can't be the name of a stage", "letters, digits"),
        (
            #""c": {"kind": "curve", "data": ⟨"@numbrs"}, "numbers": {"kind": "source", "count": 1}"#,
            "refers to the stage \"numbrs\"", "Did you mean \"numbers\"?"
        ),
        (
            #""c": {"kind": "curve", "data": ⟨"numbers"}, "numbers": {"kind": "source", "count": 1}"#,
            "a reference such as \"@stage\" to a dataset; this is \"numbers\"", ""
        ),
        (
            #""n": {"kind": "source", "count": 1}, "c": {"kind": "curve", "data": "@n"}, "d": {"kind": "curve", "data": ⟨"@c"}"#,
            "needs a dataset, but \"@c\" (kind curve) makes a curve", "These stages make one: @n."
        ),
        (
            #""n": {"kind": "source", "count": 1}, "c": {"kind": "curve", "data": ⟨"@n.tset"}"#,
            "has no part \"tset\"", "Did you mean \"test\"?"
        ),
        (
            #""n": {"kind": "source", "count": 1, "matrix": {"seed": [1, 2]}}, "c": {"kind": "curve", "data": ⟨"@n"}"#,
            "takes one artifact, but \"@n\" has a matrix with 2 variants", "\"@n[seed=1]\""
        ),
        (
            #""n": {"kind": "source", "count": 1, "matrix": {"seed": [1, 2]}}, "c": {"kind": "curve", "data": ⟨"@n[seed=3]"}"#,
            "no variant \"n[seed=3]\"", "n[seed=1]"
        ),
        (
            #""n": {"kind": "source", "count": 1}, "c": {"kind": "curve", "data": "@n", "decoder": {"threshold": ⟨0}}"#,
            "\"decoder.threshold\" of stage \"c\" should be a number above 0 and at most 1; this is 0", ""
        ),
        (
            #""n": {"kind": "source", "count": 1}, "c": {"kind": "curve", "data": "@n", "decoder": {⟨"treshold": 1}}"#,
            "\"decoder\" of stage \"c\" has no key \"treshold\"", "Did you mean \"threshold\"?"
        ),
        (
            #""n": {"kind": "source", "count": 1}, "c": {"kind": "curve", "data": "@n", "decoder": ⟨3}"#,
            "\"decoder\" of stage \"c\" should be an object; this is 3", ""
        ),
        (
            #""n": {"kind": "source", "count": 1}, "c": {"kind": "curve", "data": "@n", "decoder": {"window": [1, ⟨"x", 3]}}"#,
            "a whole number from 1 to 9; this is \"x\"", ""
        ),
        (
            #""n": {"kind": "source", "count": 1}, "t": {"kind": "table", "curves": ⟨"@n"}"#,
            "an object such as", ""
        ),
        (
            #""n": {"kind": "source", "count": 1}, "t": {"kind": "table", "curves": {"x": ⟨"@n"}}"#,
            "needs a curve", ""
        ),
        (
            #""n": {"kind": "source", ⟨"count": 1}"#.replacing("⟨", with: "")
                + #", "t": {"kind": "table", "curves": ⟨{}}"#, "an object such as", ""
        ),
        (#""a": {"kind": "source", "count": 1, "matrix": ⟨[1]}"#, "should be an object of lists", ""),
        (
            #""a": {"kind": "source", "count": 1, "matrix": {"seed": ⟨[]}}"#, "a list of at least one value",
            ""
        ),
        (#""a": {"kind": "source", "count": 1, "matrix": {⟨"kind": ["x"]}}"#, "can't set \"kind\"", ""),
        (#""a": {"kind": "source", "count": 1, "matrix": {"seed": [1, ⟨1]}}"#, "\"a[seed=1]\" twice", ""),
        (#""a": {"kind": "source", "count": 1, "matrix": {"count": [1, ⟨0]}}"#, "this is 0", ""),
        (
            #""a": {"kind": "source", "count": 1, "matrix": {⟨"coumt": [1, 2]}}"#, "has no key \"coumt\"",
            "Did you mean \"count\"?"
        ),
        (#""a": {"kind": "source", "count": 1, "matrix": {⟨"count.x": [1, 2]}}"#, "leads into 1", ""),
    ])
    func pointsAtTheProblem(body: String, message: String, hint: String) throws {
        let marked = stages(body)
        let found = problems(marked.replacing("⟨", with: ""))
        #expect(found.count == 1, "\(found)")
        let problem = try #require(found.first)
        #expect(problem.message.contains(message), "\(problem)")
        #expect((problem.hint ?? "").contains(hint), "\(problem)")
        let lines = marked.split(separator: "\n", omittingEmptySubsequences: false)
        if let line = lines.firstIndex(where: { $0.contains("⟨") }) {
            let column = lines[line].prefix { $0 != "⟨" }.count + 1
            #expect((problem.line, problem.column) == (line + 1, column), "\(problem)")
        }
    }

    @Test func namesThePathOfACycle() throws {
        let found = problems(
            stages(
                #""n": {"kind": "source", "count": 1}, "t": {"kind": "forms", "rate": 0, "colour": "red", "items": [], "others": ["@n", "@u"]},"#
                    + "\n" + #""u": {"kind": "curve", "data": "@v"}, "v": {"kind": "source", "count": 1}"#))
        #expect(found.isEmpty)
        // No toy both reads and makes a curve but through a wrong type; the circle is named all the same.
        let circle = problems(
            stages(#""a": {"kind": "curve", "data": "@b"}, "b": {"kind": "curve", "data": "@a"}"#))
        #expect(circle.contains { $0.message.contains("a → b → a") }, "\(circle)")
        let selfish = problems(stages(#""a": {"kind": "curve", "data": "@a"}"#))
        #expect(selfish.contains { $0.message.contains("a → a") }, "\(selfish)")
    }

    @Test func collectsAllProblemsInOrderOfTheirPlaces() {
        let found = problems(
            """
            {"name": "Toy!", "sed": 1, "stages": {
              "a": {"kind": "source", "count": 0, "order": "up"},
              "b": {"kind": "sourse"},
              "c": {"kind": "curve", "data": "@b", "groupSize": 1000}
            }}
            """)
        #expect(found.map(\.line) == [1, 1, 2, 2, 3, 4])
        #expect(found.map(\.column) == [10, 18, 36, 48, 17, 53])
    }

    @Test func showsLineCaretAndHint() throws {
        let found = problems(stages(#"  "a": {"kind": "source", "cuont": 3, "count": 3}"#))
        #expect(
            found.first?.description == """
                toy.json:2:27: Stage "a" has no key "cuont".
                  "a": {"kind": "source", "cuont": 3, "count": 3}
                                          ^
                Did you mean "count"?
                """)
    }

    @Test(arguments: [
        ("[]", "should be an object"), ("{", "ends inside"), (#"{"name": "x"}"#, "at least one stage"),
        (#"{"name": "x", "stages": {}}"#, "at least one stage"),
        (#"{"stages": {"a": {"kind": "source", "count": 1}}}"#, "lacks the key \"name\""),
        (#"{"name": "../x", "stages": {"a": {"kind": "source", "count": 1}}}"#, "can't be a folder"),
        (#"{"name": "x/runs", "stages": {"a": {"kind": "source", "count": 1}}}"#, "can't be a folder"),
        (#"{"name": "a//b", "stages": {"a": {"kind": "source", "count": 1}}}"#, "can't be a folder"),
    ])
    func refusesABrokenHead(text: String, message: String) {
        let found = problems(text)
        #expect(found.contains { $0.message.contains(message) }, "\(found)")
    }

    @Test func readsEveryFormOfKey() throws {
        let base =
            #""n": {"kind": "source", "count": 1}, "f": {"kind": "forms", "rate": 0.5, "colour": "blue", "others": ["@n", "@n.test"], "items": [{"name": "x"}, {"name": "y", "weight": 2}]"#
        let stage = try #require(try parse(stages(base + "}"))["f"])
        let forms = try #require(stage.implementation as? ToyForms)
        #expect(forms.items.map(\.weight) == [1, 2] && forms.extra == nil && forms.second == nil)
        #expect(forms.others.map(\.description) == ["@n", "@n.test"])
        #expect(
            String(decoding: try stage.recipe.value["config"]?.compactBytes() ?? [], as: UTF8.self)
                == #"{"title":"none","rate":0.5,"colour":"blue","names":[],"rates":[0.5],"palette":["red"],"items":[{"name":"x","weight":1},{"name":"y","weight":2}]}"#
        )
        #expect(
            problems(stages(base + #", "extra": {"weight": 1}}"#)).first?.message.contains(
                "\"extra\" of stage \"f\" lacks the key \"name\"") == true)
        #expect(
            problems(stages(base + #", "palette": ["red", "pink"]}"#)).first?.message.contains(
                "this is \"pink\"") == true)
        #expect(problems(stages(base + #", "rates": []}"#)).first?.message.contains("at least 1") == true)
        #expect(problems(stages(base + #", "limit": 0}"#)).first?.message.contains("above 0") == true)
        // An absent optional key leaves no trace in the recipe; null, once written, does.
        let null = try #require(try parse(stages(base + #", "limit": null, "note": null}"#))["f"])
        #expect(null.recipe.config["limit"] == .null && stage.recipe.config["limit"] == nil)
        let red = base.replacing("0.5", with: "0.95").replacing("blue", with: "red") + "}"
        #expect(problems(stages(red)).first?.hint == "Use blue.")
    }

    @Test func mutatedConfigurationsNeverTrap() {
        let seed = Array(chain.utf8)
        var state: UInt64 = 7
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let pieces = [
            "null", "{}", "[]", "\"@\"", "\"@curve[\"", "-1", "1e999", "\"@numbers.\"", "true", ",", "}",
            "\"\"",
        ]
        for _ in 0..<3000 {
            var bytes = seed
            for _ in 0...next(2) {
                let at = next(bytes.count)
                switch next(3) {
                case 0: bytes[at] = UInt8(next(128))
                case 1: bytes.removeSubrange(at..<min(bytes.count, at + next(12)))
                default:
                    bytes.replaceSubrange(
                        at..<min(bytes.count, at + next(9)), with: pieces[next(pieces.count)].utf8)
                }
            }
            _ = try? Experiment.parse(bytes, name: "m", registry: toys)
        }
    }
}
