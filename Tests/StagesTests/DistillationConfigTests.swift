import Recipes
import Testing

@testable import Stages

/// What configurations of `distill` and `pretrain` are refused, and why.
@Suite struct DistillationConfigTests {
    private func problem(_ stage: String) -> String? {
        let text = """
            {"name": "x", "seed": 1, "stages": {
              "p": {"kind": "synthesize"}, "t": {"kind": "tokenizer", "corpus": "@p"},
              "m": {"kind": "pretrain", "data": "@p", "tokenizer": "@t",
                    "phases": [{"name": "a", "steps": 1, "mixture": [{"objective": "llada", "rows": 1}]}]},
              "j": {"kind": "trajectories", "teacher": "@m", "data": "@p"},
              "s": \(stage)
            }}
            """
        do {
            _ = try Experiment.parse(Array(text.utf8), name: "x.json", registry: Stages.registry)
            return nil
        } catch { return error.description }
    }

    private func distill(_ keys: String) -> String? {
        problem(#"{"kind": "distill", "teacher": "@m", "trajectories": "@j", "data": "@p"\#(keys)}"#)
    }

    @Test(
        "each recipe takes its own options",
        arguments: [
            "",
            #", "d3llm": {"mask": "random", "window": "padded", "stateIndex": "corrected", "noise": {"schedule": "linear"}}"#,
            #", "recipe": "d2f", "d2f": {"target": "tokens"}"#,
            #", "recipe": "dparallel", "dparallel": {"maskDraws": "corrected"}"#,
            #", "recipe": "tad", "tad": {"reach": 6, "teacherReads": "empty"}"#,
            #", "adapter": {"targets": ["down"]}"#,
        ])
    func accepted(keys: String) {
        #expect(distill(keys) == nil)
    }

    @Test func optionsOfAnotherRecipeAreRefused() throws {
        let text = try #require(distill(#", "recipe": "d2f", "d3llm": {}"#))
        #expect(text.contains("options of the recipe d3llm; this stage's is d2f"), "\(text)")
    }

    @Test func anUnknownRecipeNamesTheNearest() throws {
        let text = try #require(distill(#", "recipe": "dparalel""#))
        #expect(text.contains("Did you mean \"dparallel\"?"), "\(text)")
    }

    @Test func behindTheWholeResponseIsNothing() throws {
        let text = try #require(distill(#", "d3llm": {"window": "whole", "ahead": 1}"#))
        #expect(text.contains("there is no further window"), "\(text)")
    }

    @Test func averagesAreShares() throws {
        #expect(distill(#", "average": {}"#) == nil)
        #expect(distill(#", "average": {"last": 0.5, "decay": 0.99}, "adapter": {}"#) == nil)
        for (average, message) in [
            (#"{"last": 0}"#, "above 0 and at most 1"), (#"{"decay": 1}"#, "below 1"),
            (#"{"lasts": 0.5}"#, "Did you mean"),
        ] {
            let text = try #require(distill(#", "average": \#(average)"#))
            #expect(text.contains(message), "\(text)")
        }
    }

    @Test func anAdapterNeedsAdamW() throws {
        let text = try #require(distill(#", "adapter": {}, "optimizer": {"kind": "muon"}"#))
        #expect(text.contains("An adapter is trained with adamw"), "\(text)")
    }

    @Test func aModelToGoOnFromHasItsOwnShape() throws {
        let text = try #require(
            problem(
                """
                {"kind": "pretrain", "from": "@m", "model": {"layers": 2}, "data": "@p", "tokenizer": "@t",
                 "phases": [{"name": "a", "steps": 1, "mixture": [{"objective": "llada", "rows": 1}]}]}
                """))
        #expect(text.contains("The shape is that of the model"), "\(text)")
    }
}
