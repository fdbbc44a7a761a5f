import JSON
import Testing

@testable import Recipes

/// `replicate` copies an experiment for each of its points.
@Suite struct ReplicationTests {
    private func experiment(_ replicate: String, summary: String = "", set: [String] = []) throws
        -> Experiment
    {
        try parse(
            """
            {"name": "toy", "seed": 9, "replicate": \(replicate), "stages": {
              "n": {"kind": "source", "count": 2},
              "fixed": {"kind": "source", "count": 2, "seed": 5},
              "c": {"kind": "curve", "data": "@n.train", "matrix": {"decoder.threshold": [0.1, 0.2]}},
              "t": {"kind": "table", "curves": {"a": "@c", "b": ["@c[threshold=0.2]"]}}
            }\(summary)}
            """, set: set)
    }

    @Test("each point has copies of all stages, which refer to one another and have the point's seed")
    func seeds() throws {
        let experiment = try experiment(#"{"seed": [1, 2]}"#)
        #expect(
            experiment.stages.map(\.id).sorted()
                == ["1", "2"].flatMap { s in
                    [
                        "c-\(s)[threshold=0.1]", "c-\(s)[threshold=0.2]", "fixed-\(s)", "n-\(s)", "t-\(s)",
                    ]
                }.sorted())
        for seed in [1, 2] {
            #expect(experiment["n-\(seed)"]?.recipe.seed == seed)
            #expect(experiment["fixed-\(seed)"]?.recipe.seed == 5)
            let inputs = try #require(experiment["t-\(seed)"]).inputs.flatMap(\.references).map(\.stage)
            #expect(
                inputs == [
                    "c-\(seed)[threshold=0.1]", "c-\(seed)[threshold=0.2]", "c-\(seed)[threshold=0.2]",
                ])
        }
        // What the point doesn't change is the same artifact.
        #expect(experiment["fixed-1"]?.fingerprint == experiment["fixed-2"]?.fingerprint)
        #expect(experiment["n-1"]?.fingerprint != experiment["n-2"]?.fingerprint)
        // A copy is what the experiment would be with that seed.
        let alone = try parse(stages(#""n": {"kind": "source", "count": 2}"#), set: ["seed=2"])
        #expect(alone["n"]?.fingerprint == experiment["n-2"]?.fingerprint)
    }

    @Test func severalAxesSpanTheirProduct() throws {
        let experiment = try experiment(#"{"seed": [1, 2], "stages.n.order": ["rising", "falling"]}"#)
        #expect(
            experiment.stages.filter { $0.name.hasPrefix("n-") }.map(\.id) == [
                "n-1-rising", "n-1-falling", "n-2-rising", "n-2-falling",
            ])
        #expect(experiment["n-2-falling"]?.recipe.config["order"] == .string("falling"))
    }

    @Test("in the summary a reference stands for all copies")
    func summary() throws {
        let text =
            #", "summary": {"all": {"kind": "table", "curves": {"a": "@c", "b": "@c-2[threshold=0.1]"}}}"#
        let experiment = try experiment(#"{"seed": [1, 2]}"#, summary: text)
        let inputs = try #require(experiment["all"]).inputs.flatMap(\.references).map(\.stage)
        #expect(
            inputs == [
                "c-1[threshold=0.1]", "c-1[threshold=0.2]", "c-2[threshold=0.1]", "c-2[threshold=0.2]",
                "c-2[threshold=0.1]",
            ])
        #expect(experiment.stages.last?.id == "all")
    }

    @Test("the command line changes a stage before it is copied")
    func overrides() throws {
        let experiment = try experiment(
            #"{"seed": [1, 2]}"#, set: ["stages.n.count=7", "replicate.seed=[4]"])
        #expect(experiment["n-4"]?.recipe.config["count"] == .integer(7))
        #expect(experiment["n-1"] == nil)
    }

    @Test(
        "what can't be is refused",
        arguments: [
            (#"{"seed": []}"#, "", "list of at least one value"),
            (#"{"seed": [1, 1]}"#, "", "copies of the same name"),
            (#"{"nothing": [1]}"#, "", "neither \"seed\" nor a key of a stage"),
            (#"{"stages.m.count": [1]}"#, "", "neither \"seed\" nor a key of a stage"),
            (#"{"stages.n.count.x": [1]}"#, "", "it leads into 2"), ("3", "", "should be an object of lists"),
            (
                #"{"seed": [1]}"#, #", "summary": {"n-1": {"kind": "source", "count": 1}}"#,
                "a stage called \"n-1\" already"
            ),
        ])
    func refusals(replicate: String, summary: String, message: String) throws {
        let error = #expect(throws: ConfigurationError.self) {
            try experiment(replicate, summary: summary)
        }
        #expect(try #require(error).description.contains(message), "\(error?.description ?? "")")
    }

    @Test func aSummaryNeedsReplicates() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try parse(
                #"{"name": "x", "stages": {"n": {"kind": "source", "count": 1}}, "summary": {"s": {"kind": "source", "count": 1}}}"#
            )
        }
        #expect(try #require(error).description.contains("which isn't there"))
    }
}
