import Files
import JSON
import SystemPackage
import TestSupport
import Testing
import Transformers

@testable import Decoding

/// Autoregressive decoding against `generate` of transformers, on recorded Qwen2 and Qwen3 models.
@Suite struct RecordedGreedyTests {
    @Test(arguments: ["qwen2_a", "qwen2_b", "qwen3_a", "qwen3_b"])
    func greedyDecodingGivesTheRecordedTokens(_ name: String) throws {
        let root = Fixtures.path("transformers")
        let path = root.appending("index.json")
        let index = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
        func sequences(_ key: String) throws -> [[Int32]] {
            try #require(index["models"]?[name]?[key]?.array).map {
                try #require($0.array).map { Int32(try #require($0.int)) }
            }
        }
        let model = try Checkpoint.load(root.appending(name))
        let end = try #require(model.configuration.endToken)
        let (prompts, greedy) = try (sequences("prompts"), sequences("greedy"))
        let tasks = prompts.map { DecodingTask(prompt: $0, maskToken: 0, endToken: end) }
        let make = try DecodingMethod.named("autoregressive").factory(["generationLength": .integer(24)])
        var decoders = tasks.map { make($0) }
        try BatchDecoder(model).decode(&decoders)
        for (decoder, expected) in zip(decoders, greedy) {
            #expect(Array(decoder.state.response) == expected)
            #expect(decoder.forwards == expected.count)
        }
        #expect(decoders.count == 3)
    }
}
