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
            (#"{"nothing": [1]}"#, "", "neither \"seed\" nor a variable nor a key of a stage"),
            (#"{"stages.m.count": [1]}"#, "", "neither \"seed\" nor a variable nor a key of a stage"),
            (#"{"stages.n.count.x": [1]}"#, "", "it leads into 2"), ("3", "", "should be an object of lists"),
            ("[]", "", "or a list of such objects"), ("[3]", "", "Each element of \"replicate\" should be"),
            (#"[{"seed": 3}]"#, "", "list of at least one value"),
            (#"[{"seed": [1, 2], "stages.n.count": [1]}]"#, "", "has 2 values and \"stages.n.count\" 1"),
            (#"[{"seed": [1, 1], "stages.n.count": [1, 1]}]"#, "", "copies of the same name"),
            (#"[{"stages.nn.count": [1]}]"#, "", "Did you mean \"n\"?"),
            (#"[{"variables.x": [1]}]"#, "", "Nothing uses the variable \"x\", which \"replicate\" varies"),
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

    @Test("the lists of one object go in step, objects are combined, the first one varying slowest")
    func inStep() throws {
        let experiment = try experiment(
            #"[{"stages.fixed.seed": [7, 8]}, {"stages.n.seed": [1, 2], "stages.n.count": [3, 5]}]"#)
        #expect(
            experiment.stages.filter { $0.name.hasPrefix("n-") }.map(\.id) == [
                "n-7-1", "n-7-2", "n-8-1", "n-8-2",
            ])
        for (name, seed, count) in [("n-7-1", 1, 3), ("n-8-2", 2, 5)] {
            #expect(experiment[name]?.recipe.seed == seed)
            #expect(experiment[name]?.recipe.config["count"] == .integer(count))
        }
        #expect(experiment["fixed-8-1"]?.recipe.seed == 8)
        // What an object doesn't change is one artifact over its points.
        #expect(experiment["fixed-8-1"]?.fingerprint == experiment["fixed-8-2"]?.fingerprint)
        #expect(experiment["n-7-1"]?.fingerprint == experiment["n-8-1"]?.fingerprint)
        #expect(experiment["t-7-1"]?.fingerprint != experiment["t-7-2"]?.fingerprint)
    }

    @Test("copies go by the first key that tells them apart")
    func names() throws {
        let experiment = try experiment(
            #"[{"stages.n.order": ["rising", "rising"], "stages.n.seed": [4, 5]}]"#)
        #expect(experiment["n-4"] != nil && experiment["n-5"] != nil)
    }

    private func varied(_ replicate: String, more: String = "", set: [String] = []) throws -> Experiment {
        try parse(
            #"""
            {"name": "toy", "seed": "${teacher}", "description": "costs $${x} $", "replicate": \#(replicate),
             "variables": {"teacher": 1, "size": 2, "name": "n", "both": "${teacher}"}, "stages": {
              "n": {"kind": "source", "count": "${size}"},
              "o": {"kind": "source", "count": 4, "seed": "${both}"},
              "f": {"kind": "forms", "rate": 0.5, "colour": "blue", "items": [], "others": "@${name}",
                    "title": "teacher ${teacher}, $${size} of ${size}"}}\#(more)}
            """#, set: set)
    }

    @Test("variables are varied wherever they stand, also behind others and in the experiment's seed")
    func variables() throws {
        let experiment = try varied(#"[{"variables.teacher": [5, 6]}, {"variables.size": [8, 9]}]"#)
        #expect(experiment.stages.count == 12)
        #expect(experiment.description == "costs ${x} $")
        for (name, seed, size) in [("5-8", 5, 8), ("6-9", 6, 9)] {
            #expect(experiment["n-\(name)"]?.recipe.seed == seed)
            #expect(experiment["n-\(name)"]?.recipe.config["count"] == .integer(size))
            #expect(experiment["o-\(name)"]?.recipe.seed == seed)
            #expect(
                experiment["f-\(name)"]?.recipe.config["title"]
                    == .string("teacher \(seed), ${size} of \(size)"))
            #expect(experiment["f-\(name)"]?.inputs.first?.references.map(\.stage) == ["n-\(name)"])
        }
        // The same as setting the variable.
        let alone = try parse(
            #"{"name": "x", "seed": 6, "variables": {"s": 8}, "stages": {"n": {"kind": "source", "count": "${s}"}}}"#,
            set: ["variables.s=9"])
        #expect(alone["n"]?.fingerprint == experiment["n-6-9"]?.fingerprint)
    }

    @Test("in one piece it gives the same stages, and the command line leaves the copies of its value")
    func variablesInOnePiece() throws {
        let replicate = #"[{"variables.teacher": [5, 6]}, {"variables.size": [8, 9]}]"#
        let experiment = try varied(replicate)
        let text = String(decoding: try #require(experiment.source).resolved.prettyBytes(), as: UTF8.self)
        let again = try parse(text)
        #expect(again.stages.map(\.id) == experiment.stages.map(\.id))
        #expect(again.stages.map(\.fingerprint) == experiment.stages.map(\.fingerprint))
        #expect(again.description == experiment.description)
        let one = try varied(replicate, set: ["variables.teacher=6"])
        #expect(one.stages.map(\.id) == experiment.stages.filter { $0.id.contains("-6-") }.map(\.id))
        #expect(one["n-6-8"]?.fingerprint == experiment["n-6-8"]?.fingerprint)
        let other = try varied(replicate, set: [#"replicate=[{"variables.teacher": [7]}]"#])
        #expect(other.stages.map(\.id) == ["n-7", "o-7", "f-7"])
        let inStep = #"[{"variables.teacher": [5, 6], "variables.size": [8, 9]}]"#
        #expect(try varied(inStep, set: ["variables.size=9"]).stages.map(\.id) == ["n-6", "o-6", "f-6"])
        let error = #expect(throws: ConfigurationError.self) {
            try varied(inStep, set: ["variables.size=4"])
        }
        #expect(try #require(error).description.contains("in step with others, and 4 isn't among its values"))
    }

    @Test("what the command line sets below a key that is varied is set in each of its values")
    func setBelow() throws {
        let axes = [
            #"{"stages.c.decoder": [{"delay": 2}, {"delay": 3}]}"#,
            #"[{"stages.c.decoder": [{"delay": 2}, {"delay": 3}], "stages.n.seed": [4, 5]}]"#,
        ]
        for replicate in axes {
            let plain = try experiment(replicate)
            let set = try experiment(replicate, set: ["stages.c.decoder.window=[6]"])
            #expect(set.stages.count == plain.stages.count)
            let decoders = set.stages.filter { $0.name.hasPrefix("c-") }.map { $0.recipe.config["decoder"] }
            #expect(!decoders.isEmpty)
            #expect(decoders.allSatisfy { $0?["window"] == .array([.integer(6)]) }, "\(decoders)")
            #expect(Set(decoders.compactMap { $0?["delay"]?.int }) == [2, 3])
        }
    }

    @Test("what stands once can't use what varies")
    func variablesInTheSummary() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try varied(
                #"{"variables.size": [8, 9]}"#,
                more: #", "summary": {"s": {"kind": "source", "count": "${size}"}}"#)
        }
        #expect(
            try #require(error).description.contains("gives the variable \"size\" another value in each copy")
        )
    }

    @Test("more copies than any experiment has are refused before they are made")
    func absurd() throws {
        let list = "[" + (1...9000).map(String.init).joined(separator: ",") + "]"
        for replicate in [
            #"{"seed": \#(list), "stages.n.count": \#(list), "stages.n.seed": \#(list)}"#,
            #"[{"seed": \#(list)}, {"stages.n.count": \#(list)}, {"stages.n.seed": \#(list)}]"#,
            #"{"seed": \#(list)}"#,
        ] {
            let error = #expect(throws: ConfigurationError.self) { try experiment(replicate) }
            #expect(try #require(error).description.contains("more than"), "\(error?.description ?? "")")
        }
        let error = #expect(throws: ConfigurationError.self) { try experiment(#"{"seed": 1000000000}"#) }
        #expect(try #require(error).description.contains("list of at least one value"))
    }
}
