import JSON
import SystemPackage
import TestSupport
import Testing
import Transformers

@testable import ModelStages

/// What plans know of models before they are downloaded.
@Suite struct KnownModelTests {
    /// Parameters as their publishers give them, in billions.
    @Test(arguments: [
        ("llada-8b-instruct", 8.02), ("dream-7b-instruct", 7.62), ("qwen2.5-7b-instruct", 7.62),
        ("llama-3.2-1b-instruct", 1.24), ("llama-3.2-3b-instruct", 3.21), ("llama-3.1-8b-instruct", 8.03),
        ("smollm2-135m-instruct", 0.135), ("smollm2-360m-instruct", 0.362),
        ("smollm2-1.7b-instruct", 1.71),
    ])
    func shapesHaveThePublishedNumberOfParameters(input: String, billions: Double) throws {
        let model = try #require(KnownModel(input: input))
        let count = Double(model.configuration.parameterCount) / 1e9
        #expect(abs(count - billions) < 0.01)
    }

    @Test func nothingIsKnownOfOtherInputs() { #expect(KnownModel(input: "gsm8k") == nil) }
}
