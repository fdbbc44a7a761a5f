import Files
import JSON
import SystemPackage
import TestSupport
import Testing
import Transformers

@testable import Decoding

/// Autoregressive decoding against `generate` of transformers, on recorded Qwen2, Qwen3 and Llama models.
@Suite struct RecordedGreedyTests {
    @Test(arguments: [
        ("qwen2_a", 24), ("qwen2_b", 24), ("qwen3_a", 24), ("qwen3_b", 24), ("llama_a", 64), ("llama_b", 64),
        ("llama_c", 64),
    ])
    func greedyDecodingGivesTheRecordedTokens(_ name: String, length: Int) throws {
        let root = Fixtures.path("transformers")
        let path = root.appending("index.json")
        let index = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
        func sequences(_ key: String) throws -> [[Int32]] {
            try #require(index["models"]?[name]?[key]?.array).map {
                try #require($0.array).map { Int32(try #require($0.int)) }
            }
        }
        let model = try Checkpoint.load(root.appending(name))
        let (end, further) = (model.configuration.endToken, model.configuration.furtherEndTokens)
        let (prompts, greedy) = try (sequences("prompts"), sequences("greedy"))
        let tasks = prompts.map {
            DecodingTask(prompt: $0, maskToken: 0, endToken: end, furtherEndTokens: further)
        }
        let make = try DecodingMethod.named("autoregressive").factory(["generationLength": .integer(length)])
        var decoders = tasks.map { make($0) }
        try BatchDecoder(model).decode(&decoders)
        for (decoder, expected) in zip(decoders, greedy) {
            #expect(Array(decoder.state.response) == expected)
            #expect(decoder.forwards == expected.count)
        }
        #expect(decoders.count == 3)
    }

    @Test("the repetition penalty of generation_config.json gives what transformers' generate gives")
    func penalty() throws {
        let root = Fixtures.path("transformers")
        func document(_ name: String) throws -> JSONNode {
            let path = root.appending(name)
            return try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
        }
        let (index, recorded) = try (document("index.json"), document("penalty.json"))
        var (compared, different) = (0, 0)
        for (name, cases) in recorded["models"]?.members?.map({ ($0.key, $0.value) }) ?? [] {
            let model = try Checkpoint.load(root.appending(name))
            let prompts = try #require(index["models"]?[name]?["prompts"]?.array)
            for entry in cases.array ?? [] {
                let factor = try #require(entry["repetition_penalty"]?.double)
                for (prompt, expected) in zip(prompts, entry["tokens"]?.array ?? []) {
                    func response(_ option: String) throws -> [Int32] {
                        let task = DecodingTask(
                            prompt: prompt.array?.compactMap { $0.int.map(Int32.init) } ?? [], maskToken: 0,
                            endToken: model.configuration.endToken, repetitionPenalty: factor)
                        let make = try DecodingMethod.named("autoregressive")
                            .factory(["generationLength": .integer(24), "generationConfig": .string(option)])
                        var decoders = [make(task)]
                        try BatchDecoder(model).decode(&decoders)
                        return Array(decoders[0].state.response)
                    }
                    let tokens = expected.array?.compactMap { $0.int.map(Int32.init) } ?? []
                    #expect(try response("applied") == tokens)
                    if try response("ignored") != tokens { different += 1 }
                    compared += 1
                }
            }
        }
        #expect(compared == 12 && different >= 8, "the penalty shows in \(different)")
    }

    @Test(
        "every end token of generation_config.json ends a text, where the file is, and those of config.json where it isn't"
    )
    func ends() throws {
        let scratch = try ScratchFolder()
        let source = Fixtures.path("transformers/qwen2_a")
        for name in try FileSystem.list(source) {
            try FileSystem.writeAtomically(
                FileSystem.read(source.appending(name)), to: scratch.path.appending(name))
        }
        let file = scratch.path.appending("generation_config.json")
        /// Greedy tokens behind the first recorded prompt are 35, 48, 31, 26, 44, …
        func count() throws -> Int {
            let model = try Checkpoint.load(scratch.path)
            let task = DecodingTask(
                prompt: [67, 50], maskToken: 0, endToken: model.configuration.endToken,
                furtherEndTokens: model.configuration.furtherEndTokens)
            var decoders = [
                try DecodingMethod.named("autoregressive").factory(["generationLength": .integer(8)])(task)
            ]
            try BatchDecoder(model).decode(&decoders)
            return decoders[0].state.response.count
        }
        #expect(try count() == 8)
        for (text, expected) in [
            ("{\"eos_token_id\": 31}", 3), ("{\"eos_token_id\": [95, 26, 44]}", 4),
            ("{\"eos_token_id\": [26, 48]}", 2), ("{\"eos_token_id\": [26, 26, 5000]}", 4),
            ("{\"eos_token_id\": null, \"top_k\": 20}", 8), ("{}", 8),
        ] {
            try FileSystem.writeAtomically(text, to: file)
            #expect(try count() == expected, "\(text)")
        }
        // What config.json names stays the token that is written behind texts, where generation knows it.
        try FileSystem.writeAtomically("{\"eos_token_id\": [26, 95]}", to: file)
        let configuration = try Checkpoint.configuration(scratch.path)
        #expect(configuration.endToken == 95 && configuration.furtherEndTokens == [26])
        for text in ["{\"eos_token_id\": \"26\"}", "{\"eos_token_id\": [1.5]}"] {
            try FileSystem.writeAtomically(text, to: file)
            #expect {
                _ = try Checkpoint.configuration(scratch.path)
            } throws: { "\($0)".contains("generation_config.json: line 1") }
        }
        // A list in config.json counts where there is no other file.
        try FileSystem.remove(file)
        let config = scratch.path.appending("config.json")
        let text = try FileSystem.readText(config).replacing(
            "\"eos_token_id\": 95", with: "\"eos_token_id\": [95, 31]")
        try FileSystem.writeAtomically(text, to: config)
        #expect(try count() == 3)
    }
}
