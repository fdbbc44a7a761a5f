import JSON
import Recipes
import Stages
import TestSupport
import Testing

/// What of a decoder's options decides the identity of an evaluation.
@Suite struct DecoderRecipeTests {
    private func recipe(_ decoder: String) throws -> String {
        let text = """
            {"name": "test/recipes", "seed": 1, "stages": {
              "problems": {"kind": "synthesize"},
              "tokenizer": {"kind": "tokenizer", "corpus": "@problems"},
              "teacher": {"kind": "pretrain", "data": "@problems", "tokenizer": "@tokenizer", "phases": [
                {"name": "a", "steps": 1, "mixture": [{"objective": "autoregressive", "rows": 1}]}]},
              "curve": {"kind": "evaluate", "model": "@teacher", "data": "@problems", "decoder": \(decoder)}
            }}
            """
        let experiment = try Experiment.parse(Array(text.utf8), name: "test.json", registry: Stages.registry)
        let stage = try #require(experiment["curve"])
        return String(decoding: try stage.recipe.value.canonicalBytes(), as: UTF8.self)
    }

    @Test("options that aren't given leave no trace, so that another method's new option changes nothing")
    func absent() throws {
        let recipe = try recipe(#"{"method": "vanilla", "blockLength": 8}"#)
        #expect(recipe.contains(#""decoder":{"blockLength":8,"method":"vanilla"}"#))
    }

    @Test("null is told from absent: a threshold of null accepts everything")
    func null() throws {
        let none = try recipe(#"{"method": "multi-block", "threshold": null}"#)
        #expect(none.contains(#""threshold":null"#))
        #expect(try none != recipe(#"{"method": "multi-block"}"#))
        // An option that can't be null says so.
        #expect(throws: ConfigurationError.self) {
            _ = try recipe(#"{"method": "multi-block", "blockLength": null}"#)
        }
    }
}
