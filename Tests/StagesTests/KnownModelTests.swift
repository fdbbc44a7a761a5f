import JSON
import SystemPackage
import TestSupport
import Testing
import Transformers

@testable import Stages

/// What plans know of models before they are downloaded.
@Suite struct KnownModelTests {
    /// Parameters as their publishers give them, in billions.
    @Test(arguments: [
        ("llada-8b-instruct", 8.02), ("dream-7b-instruct", 7.62), ("qwen2.5-7b-instruct", 7.62),
    ])
    func shapesHaveThePublishedNumberOfParameters(input: String, billions: Double) throws {
        let model = try #require(KnownModel(input: input))
        let count = Double(model.configuration.parameterCount) / 1e9
        #expect(abs(count - billions) < 0.01)
    }

    @Test func nothingIsKnownOfOtherInputs() { #expect(KnownModel(input: "gsm8k") == nil) }
}
