import Files
import JSON
import Recipes
import SystemPackage
import Testing

/// A configuration of several files that exist only in memory; the first is the main one.
struct ConfigTexts {
    let main: String
    let texts: [String: String]

    init(_ main: String, _ others: (String, String)...) {
        self.main = main
        texts = Dictionary(uniqueKeysWithValues: others)
    }

    func configuration(set: [String] = [], registry: StageRegistry = toys) -> Configuration {
        Configuration(parsing: Array(main.utf8), name: "dir/main.json", overrides: set, registry: registry) {
            guard let text = texts[$0.string] else { throw FileError("read", $0, .noSuchFileOrDirectory) }
            return Array(text.utf8)
        }
    }

    func experiment(set: [String] = []) throws(ConfigurationError) -> Experiment {
        try configuration(set: set).experiment()
    }

    func problems(set: [String] = []) -> [Diagnostic] {
        do throws(ConfigurationError) {
            _ = try experiment(set: set)
            return []
        } catch { return error.diagnostics }
    }
}

/// `extends` and `without`.
@Suite struct CompositionTests {
    static let base = #"""
        {
          "name": "toy/base", "seed": 3,
          "stages": {
            "numbers": {"kind": "source", "count": 5},
            "curve": {"kind": "curve", "data": "@numbers", "decoder": {"threshold": 0.25, "delay": 2, "window": [1, 2, 3]}},
            "table": {"kind": "table", "curves": {"c": "@curve"}}
          }
        }
        """#

    private func curve(_ main: String) throws -> JSONObject {
        let texts = ConfigTexts(main, ("dir/base.json", Self.base))
        return try #require(try texts.experiment()["curve"]).recipe.config
    }

    @Test func objectsJoinByKeyAndAllElseIsReplaced() throws {
        let config = try curve(
            #"{"extends": "base.json", "stages": {"curve": {"decoder": {"threshold": 0.5, "window": [4]}, "groupSize": 7}}}"#
        )
        #expect(config["decoder"] == ["threshold": 0.5, "delay": 2, "window": [4]])
        #expect(config["groupSize"] == 7)
    }

    @Test func nullIsAValueAndWithoutTakesAway() throws {
        let null = try curve(#"{"extends": "base.json", "stages": {"curve": {"decoder": {"delay": null}}}}"#)
        #expect(null["decoder"]?["delay"] == .null)
        let gone = try curve(#"{"extends": "base.json", "without": "stages.curve.decoder.delay"}"#)
        #expect(gone["decoder"] == ["threshold": 0.25, "window": [1, 2, 3]])
        let replaced = try curve(
            #"{"extends": "base.json", "without": ["stages.curve.decoder", "stages.table"], "stages": {"curve": {"decoder": {"threshold": 1}}}}"#
        )
        #expect(replaced["decoder"] == ["threshold": 1.0, "window": [1, 2]])
    }

    @Test func severalBasesAreLaidOverOneAnotherInOrder() throws {
        let texts = ConfigTexts(
            #"{"extends": ["a.json", "sub/b.json"], "seed": 9}"#,
            (
                "dir/a.json",
                #"{"extends": "base.json", "stages": {"curve": {"groupSize": 2, "decoder": {"delay": 5}}}}"#
            ),
            ("dir/sub/b.json", #"{"extends": "../base.json", "stages": {"curve": {"groupSize": 3}}}"#),
            ("dir/base.json", Self.base))
        #expect(
            texts.configuration().files == ["dir/base.json", "dir/a.json", "dir/sub/b.json", "dir/main.json"])
        let experiment = try texts.experiment()
        // The base that both share counts once, before the two: it doesn't undo what the first changed.
        #expect(experiment["curve"]?.recipe.config["decoder"]?["delay"] == 5)
        #expect(experiment["curve"]?.recipe.config["groupSize"] == 3)
        #expect(experiment.seed == 9 && experiment.name == "toy/base")
    }

    @Test func anExperimentPutTogetherIsTheSameAsOneWrittenInOnePiece() throws {
        let parts = ConfigTexts(
            #"{"extends": "base.json", "stages": {"curve": {"decoder": {"delay": 4}}}}"#,
            ("dir/base.json", Self.base))
        let whole = ConfigTexts(Self.base.replacing("\"delay\": 2", with: "\"delay\": 4"))
        #expect(
            try parts.experiment().stages.map(\.fingerprint) == whole.experiment().stages.map(\.fingerprint))
    }

    @Test func problemsPointIntoTheFileThatHasThem() throws {
        let found = ConfigTexts(
            "{\"extends\": \"base.json\",\n \"stages\": {\"curve\": {\"grupSize\": 1}}}",
            ("dir/base.json", Self.base.replacing("0.25", with: "7"))
        ).problems()
        #expect(found.map(\.file) == ["dir/base.json", "dir/main.json"])
        #expect(found.map(\.line) == [5, 2])
        #expect(found.first?.message.contains("\"decoder.threshold\" of stage \"curve\"") == true)
        #expect(found.last?.hint == "Did you mean \"groupSize\"?")
    }

    @Test(arguments: [
        (#"{"extends": ⟨"main.json"}"#, "in a circle: dir/main.json → dir/main.json"),
        (#"{"extends": ⟨"nowhere.json"}"#, "dir/nowhere.json can't be read: no such file or directory"),
        (#"{"extends": ⟨7}"#, "text or a list of texts, files, relative to this one; this is 7"),
        (#"{"extends": ["base.json", ⟨null]}"#, "this is null"),
        (#"{"extends": ⟨""}"#, "this is \"\""),
        (
            #"{"extends": "base.json", "without": ⟨"stages.tabel"}"#,
            "leads to no value: there is no key \"tabel\""
        ),
        (#"{"extends": "base.json", "without": ⟨"stages..x"}"#, "an empty part"),
        (
            #"{"extends": "base.json", "without": ⟨"stages.curve.decoder.window[3]"}"#,
            "asks for element [3] of a list of 3"
        ),
        (#"{"extends": "base.json", "without": ⟨"seed.x"}"#, "leads into 3"),
        (#"{"without": ⟨"seed"}"#, "needs \"extends\""),
        (#"{"extends": "base.json", ⟨"extend": 1}"#, "has no key \"extend\""),
    ])
    func refusesWhatCannotBePutTogether(main: String, message: String) throws {
        let found = ConfigTexts(main.replacing("⟨", with: ""), ("dir/base.json", Self.base)).problems()
        #expect(found.contains { $0.message.contains(message) }, "\(found)")
        let column = try #require(main.split(separator: "⟨").first).count + 1
        #expect(found.contains { $0.file == "dir/main.json" && $0.column == column }, "\(found)")
    }

    @Test func aCircleNamesItsChain() {
        let found = ConfigTexts(
            #"{"extends": "a.json"}"#, ("dir/a.json", #"{"extends": "b.json"}"#),
            ("dir/b.json", #"{"extends": "./a.json"}"#)
        ).problems()
        #expect(found.count == 1)
        #expect(found.first?.file == "dir/b.json")
        #expect(found.first?.message.contains("dir/a.json → dir/b.json → dir/a.json") == true)
    }

    @Test func anEndlessChainEnds() {
        let main = Array(#"{"extends": "x/main.json"}"#.utf8)
        let configuration = Configuration(parsing: main, name: "main.json", registry: toys) { _ in main }
        let error = #expect(throws: ConfigurationError.self) { try configuration.experiment() }
        #expect(error?.diagnostics.first?.message.contains("more than 100 files") == true)
    }

    @Test func brokenBasesAreReportedOnceAndAlone() {
        let found = ConfigTexts(
            #"{"extends": ["base.json", "other.json"], "stages": {}}"#, ("dir/base.json", "{\n  ]"),
            ("dir/other.json", "[]")
        ).problems()
        #expect(found.map(\.file) == ["dir/base.json", "dir/other.json"])
        #expect(found.map(\.line) == [2, 1])
    }

    @Test func filesOnDiskAreFoundBesideTheOneThatExtendsThem() throws {
        let folder = try TemporaryFolder()
        try FileSystem.createDirectory(folder.path.appending("sub"))
        try FileSystem.writeAtomically(Self.base, to: folder.path.appending("base.json"))
        let main = folder.path.appending("sub").appending("main.json")
        try FileSystem.writeAtomically(#"{"extends": "../base.json"}"#, to: main)
        #expect(try Experiment.load(main, registry: toys).stages.count == 3)
        try FileSystem.writeAtomically(#"{"extends": "/dev/zero"}"#, to: main)
        let error = #expect(throws: ConfigurationError.self) { try Experiment.load(main, registry: toys) }
        #expect(error?.diagnostics.first?.message.contains("/dev/zero can't be read") == true)
    }
}
