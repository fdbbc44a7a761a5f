import JSON
import Recipes
import SystemPackage
import Testing

/// `groups`: settings to swap, of which one option is chosen.
@Suite struct OptionGroupTests {
    private static let text = #"""
        {
          "name": "toy/groups", "seed": 3,
          "variables": { "bound": 0.25 },
          "groups": {
            "size": {
              "default": "small",
              "small": { "stages": { "numbers": { "count": 5 } } },
              "large": { "stages": { "numbers": { "count": 50 }, "curve": { "groupSize": 4 } } }
            },
            "speed": {
              "default": "slow",
              "slow": {},
              "fast": { "variables": { "bound": 1 }, "stages": { "curve": { "decoder": { "delay": 7 } } } }
            }
          },
          "stages": {
            "numbers": { "kind": "source", "count": 1 },
            "curve": { "kind": "curve", "data": "@numbers", "decoder": { "threshold": "${bound}" } },
            "table": { "kind": "table", "curves": { "c": "@curve" } }
          }
        }
        """#

    private func parsed(_ set: String...) throws -> Experiment {
        try ConfigTexts(Self.text).experiment(set: set)
    }

    @Test func theDefaultIsLaidOverTheFile() throws {
        let experiment = try parsed()
        #expect(experiment["numbers"]?.recipe.config["count"] == 5)
        #expect(experiment["curve"]?.recipe.config["decoder"]?["threshold"] == 0.25)
        #expect(experiment.source?.groups == ["size": "small", "speed": "slow"])
        #expect(experiment.groupsNote == "Groups: size=small speed=slow.\n")
    }

    @Test func anOptionGivesWhatAFileThatExtendsThisOneWouldGive() throws {
        let chosen = try parsed("groups.size=large", "groups.speed=fast")
        #expect(chosen["numbers"]?.recipe.config["count"] == 50)
        #expect(chosen["curve"]?.recipe.config["decoder"]?["threshold"] == 1.0)
        let plain = try parse(
            #"""
            {"name": "toy/groups", "seed": 3, "stages": {
              "numbers": {"kind": "source", "count": 50},
              "curve": {"kind": "curve", "data": "@numbers", "groupSize": 4, "decoder": {"threshold": 1, "delay": 7}},
              "table": {"kind": "table", "curves": {"c": "@curve"}}}}
            """#)
        #expect(chosen.stages.map(\.fingerprint) == plain.stages.map(\.fingerprint))
    }

    @Test func theCommandLineAndLaterFilesWinOverOptions() throws {
        #expect(
            try parsed("stages.numbers.count=9", "groups.size=large")["numbers"]?.recipe.config["count"] == 9)
        #expect(try parsed("groups.size=large", "groups.size=small")["numbers"]?.recipe.config["count"] == 5)
        let texts = ConfigTexts(
            #"""
            {"extends": "base.json", "groups": {"size": {"default": "huge", "huge": {"stages": {"numbers": {"count": 500}}},
              "large": {"stages": {"numbers": {"order": "falling"}}}}}, "stages": {"curve": {"groupSize": 9}}}
            """#, ("dir/base.json", Self.text))
        #expect(try texts.experiment()["numbers"]?.recipe.config["count"] == 500)
        let large = try texts.experiment(set: ["groups.size=large"])
        // Both files hold a part of the option; what the later file sets itself wins over the option of the earlier.
        #expect(large["numbers"]?.recipe.config["count"] == 50)
        #expect(large["numbers"]?.recipe.config["order"] == "falling")
        #expect(large["curve"]?.recipe.config["groupSize"] == 9)
    }

    @Test func withoutTakesAwayGroupsAndOptions() throws {
        func experiment(_ without: String, _ set: String...) throws(ConfigurationError) -> Experiment {
            try ConfigTexts(
                #"{"extends": "base.json", "without": "\#(without)"}"#, ("dir/base.json", Self.text)
            ).experiment(set: set)
        }
        let gone = try experiment("groups.size")
        #expect(gone["numbers"]?.recipe.config["count"] == 1 && gone.source?.groups == ["speed": "slow"])
        let error = #expect(throws: ConfigurationError.self) {
            try experiment("groups.size.large", "groups.size=large")
        }
        #expect(error?.diagnostics.first?.message.contains("no option \"large\"") == true)
        let slip = #expect(throws: ConfigurationError.self) { try experiment("groups.sise") }
        #expect(slip?.diagnostics.first?.message.contains("leads to no value") == true)
    }

    @Test(arguments: [
        (["groups.sise=small"], "no group \"sise\"", "Did you mean \"size\"?"),
        (["groups.size=smal"], "no option \"smal\"", "Did you mean \"small\"?"),
        (["groups.size=tiny"], "no option \"tiny\"", "small, large"),
        (["groups.size=7"], "chosen by its name; this is 7", "small, large"),
        (
            ["groups.size.large.stages.numbers.count=7"], "only the option can be set",
            "--set groups.size=small"
        ),
        (["replicate.groups.size=[\"small\", \"lage\"]"], "no option \"lage\"", "Did you mean \"large\"?"),
    ])
    func slipsOfTheCommandLineAreExplained(set: [String], message: String, hint: String) throws {
        let problem = try #require(ConfigTexts(Self.text).problems(set: set).first)
        #expect(problem.message.contains(message), "\(problem)")
        #expect((problem.hint ?? "").contains(hint), "\(problem)")
    }

    @Test(arguments: [
        (#""groups": 7"#, "should be an object of groups"),
        (#""groups": {"a b": {}}"#, "can't be the name of a group"),
        (#""groups": {"a": 7}"#, "should be an object of options"),
        (#""groups": {"a": {}}"#, "has no options"),
        (#""groups": {"a": {"default": "x"}}"#, "has no options"),
        (#""groups": {"a": {"x": {}}}"#, "has no \"default\""),
        (#""groups": {"a": {"default": "y", "x": {}}}"#, "no option \"y\""),
        (#""groups": {"a": {"default": 1, "x": {}}}"#, "should be the name of an option"),
        (#""groups": {"a": {"default": "x", "x": 1}}"#, "should be an object of settings"),
        (#""groups": {"a": {"default": "x", "x": {"extends": "b.json"}}}"#, "can't stand in an option"),
        (#""groups": {"a": {"default": "x", "x": {"stages": {"n": {"cuont": 1}}}}}"#, "no key \"cuont\""),
        (#""replicate": {"groups.a": ["x"]}"#, "has no group \"a\""),
    ])
    func slipsOfTheFileAreExplained(member: String, message: String) throws {
        let text = #"{"name": "toy", \#(member), "stages": {"n": {"kind": "source", "count": 1}}}"#
        let problems = ConfigTexts(text).problems()
        #expect(problems.contains { $0.message.contains(message) }, "\(problems)")
    }

    @Test func aGroupWithoutADefaultHasToBeChosen() throws {
        let text = #"""
            {"name": "toy", "groups": {"a": {"x": {"stages": {"n": {"count": 2}}}, "y": {"stages": {"n": {"count": 3}}}}},
             "stages": {"n": {"kind": "source"}}}
            """#
        #expect(try ConfigTexts(text).experiment(set: ["groups.a=y"])["n"]?.recipe.config["count"] == 3)
        let swept = try ConfigTexts(text).experiment(set: [#"replicate.groups.a=["x", "y"]"#])
        #expect(swept["n-x"]?.recipe.config["count"] == 2 && swept["n-y"]?.recipe.config["count"] == 3)
    }

    @Test func aVariableOfAnotherOptionIsInUse() throws {
        let text = #"""
            {"name": "toy", "variables": {"many": 9}, "groups": {"a": {"default": "x", "x": {},
              "y": {"stages": {"n": {"count": "${many}"}}}}}, "stages": {"n": {"kind": "source", "count": 1}}}
            """#
        #expect(try ConfigTexts(text).experiment()["n"]?.recipe.config["count"] == 1)
        #expect(try ConfigTexts(text).experiment(set: ["groups.a=y"])["n"]?.recipe.config["count"] == 9)
        #expect(
            !ConfigTexts(text.replacing("\"many\": 9", with: "\"many\": 9, \"idle\": 1")).problems().isEmpty)
    }

    // MARK: - Sweeps

    @Test func aSweepMakesTheExperimentForEachOption() throws {
        let swept = try parsed(#"replicate.groups.size=["small", "large"]"#)
        #expect(
            Set(swept.stages.map(\.id)) == [
                "numbers-small", "numbers-large", "curve-small", "curve-large", "table-small", "table-large",
            ])
        for option in ["small", "large"] {
            let alone = try parsed("groups.size=\(option)")
            for name in ["numbers", "curve", "table"] {
                #expect(swept["\(name)-\(option)"]?.fingerprint == alone[name]?.fingerprint, "\(name)")
            }
        }
        #expect(swept.source?.groups == ["size": ["small", "large"], "speed": "slow"])
    }

    @Test func optionsOfTwoGroupsAndSeedsAreCombined() throws {
        let swept = try parsed(
            #"replicate={"seed": [1, 2], "groups.size": ["large", "small"], "groups.speed": ["slow", "fast"]}"#
        )
        #expect(swept.stages.count == 3 * 8)
        for (seed, size, speed) in [(1, "large", "fast"), (2, "small", "slow"), (2, "large", "slow")] {
            let alone = try parsed("seed=\(seed)", "groups.size=\(size)", "groups.speed=\(speed)")
            #expect(swept["table-\(seed)-\(size)-\(speed)"]?.fingerprint == alone["table"]?.fingerprint)
        }
    }

    @Test func whatTheCommandLineChoosesIsNotSwept() throws {
        let text = Self.text.replacing(
            "\"stages\": {\n    \"numbers\": { \"kind\"",
            with:
                "\"replicate\": {\"groups.size\": [\"small\", \"large\"]},\n\"stages\": {\n    \"numbers\": { \"kind\""
        )
        #expect(try ConfigTexts(text).experiment().stages.count == 6)
        let one = try ConfigTexts(text).experiment(set: ["groups.size=large"])
        #expect(Set(one.stages.map(\.id)) == ["numbers-large", "curve-large", "table-large"])
        // A key that is set besides is the same in all copies.
        let both = try ConfigTexts(text).experiment(set: ["stages.numbers.count=9"])
        #expect(both["numbers-small"]?.fingerprint == both["numbers-large"]?.fingerprint)
    }

    @Test func optionsThatCannotBeSweptAreRefused() throws {
        let text = #"""
            {"name": "toy", "groups": {
              "a": {"default": "x", "x": {}, "y": {"stages": {"more": {"kind": "source", "count": 1}}}, "z": {"name": "other"},
                "w": {"stages": {"n": {"count": 4}}}},
              "b": {"default": "u", "u": {}, "v": {"stages": {"n": {"count": 8}}}}},
             "stages": {"n": {"kind": "source", "count": 1}}}
            """#
        for (set, message) in [
            (#"replicate.groups.a=["x", "y"]"#, "have the stage \"more\""),
            (#"replicate.groups.a=["x", "z"]"#, "give \"name\" several values"),
            (
                #"replicate={"groups.a": ["x", "w"], "groups.b": ["u", "v"]}"#,
                "both decide \"stages.n.count\""
            ),
        ] {
            let problems = ConfigTexts(text).problems(set: [set])
            #expect(problems.contains { $0.message.contains(message) }, "\(problems)")
        }
    }

    @Test func aSweepOfTooManyOptionsIsRefused() throws {
        let options = Array(repeating: "\"small\"", count: 101).joined(separator: ",")
        let problems = ConfigTexts(Self.text).problems(set: ["replicate.groups.size=[\(options)]"])
        #expect(problems.contains { $0.message.contains("more than 100 options") }, "\(problems)")
    }

    // MARK: - In one piece, explained

    @Test(arguments: [
        ["groups.size=large"], [#"replicate.groups.size=["small", "large"]"#],
        [#"replicate={"seed": [1, 2], "groups.speed": ["slow", "fast"]}"#],
    ])
    func aConfigurationInOnePieceGivesTheSameStages(set: [String]) throws {
        let configuration = ConfigTexts(Self.text).configuration(set: set)
        let resolved = configuration.resolved(withDefaults: false)
        #expect(resolved["groups"] == nil)
        let again = try parse(String(decoding: resolved.prettyBytes(), as: UTF8.self))
        let first = try configuration.experiment()
        #expect(again.stages.map(\.id) == first.stages.map(\.id))
        #expect(again.stages.map(\.fingerprint) == first.stages.map(\.fingerprint))
    }

    @Test func anExplanationNamesTheOptionsPlace() throws {
        let configuration = ConfigTexts(Self.text).configuration(set: ["groups.size=large"])
        let listing = try configuration.listing(of: "stages.numbers.count")
        #expect(listing.contains("dir/main.json:8:") && listing.contains("* "), "\(listing)")
        #expect(
            configuration.files == [
                "dir/main.json", "dir/main.json (size=large)", "dir/main.json (speed=slow)",
            ])
        let error = #expect(throws: UnknownPathError.self) { try configuration.listing(of: "groups.size") }
        #expect(error?.description.contains(#""size":"large""#) == true)
    }

    @Test func withoutGroupsNothingIsSaidOfThem() throws {
        let experiment = try parse(chain)
        #expect(experiment.source?.groups == [:] && experiment.groupsNote.isEmpty)
    }
}
