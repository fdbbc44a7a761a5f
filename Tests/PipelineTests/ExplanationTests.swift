import JSON
import Recipes
import TestSupport
import Testing

/// What `config explain` and `config show` print.
@Suite struct ExplanationTests {
    static let texts = ConfigTexts(
        #"""
        {
          "extends": ["base.json", "decoder.json"],
          "without": ["stages.single.decoder.window"],
          "variables": {"delay": 6},
          "stages": {
            "numbers": {"count": 7},
            "single": {"decoder": {"delay": "${delay}"}}
          }
        }
        """#,
        ("dir/base.json", chain),
        (
            "dir/decoder.json",
            #"""
            {
              "variables": {"delay": 5, "wide": [8, 9]},
              "stages": {
                "curve": {"decoder": {"window": "${wide}"}},
                "single": {"decoder": {"threshold": 0.75, "delay": 3, "window": [3], "note": 1}}
              }
            }
            """#
        ))

    private func entries(_ path: String, set: [String] = []) throws -> [String] {
        try Self.texts.configuration(set: set).explanation(of: path).entries.map { entry in
            let value = try entry.value.map { String(decoding: try $0.compactBytes(), as: UTF8.self) }
            return [entry.place, value, entry.note].compactMap { $0 }.joined(separator: " | ")
        }
    }

    @Test func everyLayerIsNamedAndTheLastOneHolds() throws {
        #expect(try entries("stages.numbers.count") == ["dir/base.json:5:44 | 5", "dir/main.json:6:26 | 7"])
        #expect(
            try entries("stages.single.decoder.threshold", set: ["stages.single.decoder.threshold=0.9"]) == [
                "default | 0.5", "dir/decoder.json:5:41 | 0.75", "--set | 0.9",
            ])
        #expect(
            try entries("stages.single.decoder.delay") == [
                "dir/decoder.json:5:56 | 3", "dir/main.json:7:37 | 6 | variable set at dir/main.json:4:26",
            ])
        #expect(
            try entries("stages.curve.decoder.threshold") == [
                "default | 0.5", "matrix at dir/base.json:9:39 | [0.25,0.5,1] | one variant each",
            ])
        #expect(
            try entries("stages.curve.decoder.threshold", set: ["stages.curve.decoder.threshold=1"]).last
                == "--set | 1")
        #expect(try entries("stages.curve.seed") == ["default | 3 | the experiment's seed"])
        #expect(
            try entries("stages.curve.decoder.window[1]") == [
                "dir/decoder.json:4:37 | 9 | variable set at dir/decoder.json:2:41"
            ])
    }

    @Test func whatIsTakenAwayIsToldAndTheDefaultHolds() throws {
        #expect(
            try entries("stages.single.decoder.window") == [
                "default | [1,2]", "dir/decoder.json:5:69 | [3]",
                "dir/main.json:3:15 | left out by \"without\"", "default | [1,2]",
            ])
        #expect(
            try entries("stages.single.decoder.threshold", set: ["stages.single.decoder={\"delay\": 1}"]) == [
                "default | 0.5", "dir/decoder.json:5:41 | 0.75",
                "--set | gone: stages.single.decoder is replaced as a whole", "default | 0.5",
            ])
        #expect(try entries("stages.numbers.verbose").count == 1)
        #expect(try entries("stages.curve.failAfter").isEmpty)
    }

    @Test(arguments: [
        (
            "stages.curve.decoder.treshold",
            "\"stages.curve.decoder\" has no key \"treshold\". Did you mean \"threshold\"?"
        ),
        ("stages.curv.decoder", "\"stages\" has no key \"curv\". Did you mean \"curve\"?"),
        ("sead", "The experiment has no key \"sead\". Did you mean \"seed\"?"),
        (
            "stages.curve.decoder.window[7]",
            "\"stages.curve.decoder.window\" has 2 elements, counted from 0; [7] isn't one."
        ),
        (
            "stages.curve.groupSize[0]",
            "\"stages.curve.groupSize\" is no list, so that it has no element [0]."
        ),
        ("stages..x", "The path \"stages..x\" has an empty part between its dots."),
    ])
    func unknownPathsGetASuggestion(path: String, message: String) throws {
        let error = #expect(throws: UnknownPathError.self) {
            try Self.texts.configuration().explanation(of: path)
        }
        #expect(error?.description == message)
    }

    @Test(arguments: ["stages.curve.decoder.threshold", "stages.single", "stages.numbers.verbose", "stages"])
    func listingsAreAsRecorded(path: String) throws {
        let text = try Self.texts.configuration(set: ["stages.single.groupSize=4"]).listing(of: path)
        #expect(try text == Snapshots.recorded("pipeline/explain-\(path).txt", now: text))
    }

    @Test func whatIsShownGivesTheSameExperiment() throws {
        let sets = [
            "stages.numbers.count=9", "stages.curve.matrix.decoder.threshold=[1]",
            "description=$${x} ${delay}",
        ]
        let texts = ConfigTexts(
            Self.texts.main.replacing("\"note\": 1", with: "\"x\": 1"),
            ("dir/base.json", chain),
            (
                "dir/decoder.json",
                Self.texts.texts["dir/decoder.json"]?.replacing(", \"note\": 1", with: "") ?? ""
            ))
        let configuration = texts.configuration(set: sets)
        let experiment = try configuration.experiment()
        #expect(experiment.description == "${x} 6")
        let shown = try configuration.resolved(withDefaults: false).prettyBytes()
        let again = try Experiment.parse(shown, name: "shown.json", registry: toys)
        #expect(again.stages.map(\.fingerprint) == experiment.stages.map(\.fingerprint))
        #expect(again.stages.map(\.id) == experiment.stages.map(\.id) && again.description == "${x} 6")
        let full = try configuration.resolved(withDefaults: true).prettyBytes()
        #expect(
            try Experiment.parse(full, name: "full.json", registry: toys).stages.map(\.id)
                == again.stages.map(\.id))
        #expect(
            try String(decoding: full, as: UTF8.self)
                == Snapshots.recorded(
                    "pipeline/show-defaults.json", now: String(decoding: full, as: UTF8.self)))
    }
}

/// The same where a whole experiment is repeated.
@Suite struct ReplicatedExplanationTests {
    static let text = #"""
        {
          "name": "toy", "replicate": {"seed": [1, 2], "stages.n.count": [3, 4]},
          "stages": {"n": {"kind": "source", "count": 1}, "c": {"kind": "curve", "data": "@n"}},
          "summary": {"t": {"kind": "table", "curves": {"all": "@c"}}}
        }
        """#

    private func holding(_ path: String, set: [String] = []) throws -> String {
        let explanation = try ConfigTexts(Self.text).configuration(set: set).explanation(of: path)
        let entry = try #require(explanation.holding)
        return "\(entry.place): \(String(decoding: try entry.value?.compactBytes() ?? [], as: UTF8.self))"
    }

    @Test func whatIsSweptIsTold() throws {
        #expect(try holding("stages.n.count") == "replicate at dir/main.json:2:66: [3,4]")
        #expect(try holding("stages.c.seed") == "replicate at dir/main.json:2:40: [1,2]")
        #expect(try holding("seed") == "replicate at dir/main.json:2:40: [1,2]")
        #expect(try holding("summary.t.curves.all") == "dir/main.json:4:56: \"@c\"")
        #expect(try holding("summary.t.seed") == "default: 0")
    }

    @Test func theCommandLineLeavesTheCopiesOfItsValue() throws {
        let set = ["seed=2", "stages.n.count=9", "summary.t.curves={\"some\": \"@c\"}"]
        let configuration = ConfigTexts(Self.text).configuration(set: set)
        #expect(try configuration.experiment().stages.map(\.id) == ["n-2-9", "c-2-9", "t"])
        #expect(try holding("stages.n.count", set: set) == "--set: 9")
        let more = ConfigTexts(Self.text).configuration(set: ["replicate.stages.n.count=[3]"])
        #expect(try more.experiment().stages.map(\.id) == ["n-1-3", "c-1-3", "n-2-3", "c-2-3", "t"])
        let shown = try configuration.resolved(withDefaults: true).prettyBytes()
        let again = try Experiment.parse(shown, name: "again.json", registry: toys)
        #expect(again.stages.map(\.id) == ["n-2-9", "c-2-9", "t"])
    }

    @Test func copiesBeyondAllMeasureAreRefused() {
        let values = (0..<9000).map(String.init).joined(separator: ",")
        let text = Self.text.replacing(
            "\"stages.n.count\": [3, 4]", with: "\"stages.n.failAfter\": [\(values)]"
        )
        .replacing("[1, 2]", with: "[1]")
        let many = ConfigTexts(text.replacing("\"c\": {", with: "\"d\": {\"kind\": \"source\"}, \"c\": {"))
            .problems()
        #expect(many.contains { $0.message.contains("makes more than 20000 stages") }, "\(many.prefix(2))")
    }
}
