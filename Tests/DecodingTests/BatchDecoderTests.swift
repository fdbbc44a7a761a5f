import Documents
import JSON
import Numerics
import TestSupport
import Testing
import Transformers

@testable import Decoding

/// The driver with a real, tiny model.
@Suite struct BatchDecoderTests {
    private let model: Transformer
    private let prompts: [[Int32]] = [[3, 14, 15, 92, 65], [35, 89], [79, 32, 38, 46, 26, 43, 38, 32, 79]]

    init() throws { model = try Checkpoint.load(Fixtures.path("golden/models/llada_a")) }

    private func task(_ prompt: [Int32], _ sampling: Sampling? = nil) -> DecodingTask {
        DecodingTask(prompt: prompt, maskToken: 319, endToken: 318, sampling: sampling)
    }

    private func decode(
        _ decoders: [any Decoder], threads: Int? = nil, model: Transformer? = nil
    ) throws -> [[Int32]] {
        var decoders = decoders
        let model = model ?? self.model
        // A model may judge its own drafts.
        try BatchDecoder(model, verifier: model, threads: threads).decode(&decoders)
        return decoders.map(\.tokens)
    }

    @Test(arguments: DecodingMethod.all.map(\.name), WeightPrecision.allCases)
    func aBatchGivesWhatEachSequenceGivesAlone(_ method: String, _ precision: WeightPrecision) throws {
        let model = try Checkpoint.load(Fixtures.path("golden/models/llada_a"), precision: precision)
        let make = try DecodingMethod.named(method).factory([
            "generationLength": .integer(method == "autoregressive" ? 8 : 32)
        ])
        let together = try decode(prompts.map { make(task($0)) }, model: model)
        let alone = try prompts.flatMap { try decode([make(task($0))], model: model) }
        #expect(together == alone)
        #expect(try decode(prompts.map { make(task($0)) }, threads: 3, model: model) == alone)
    }

    @Test("all ways of greedy decoding give the same tokens", arguments: ["faithful", "corrected"])
    func greedy(_ early: String) throws {
        let length: [String: JSONValue] = ["generationLength": .integer(48)]
        let plain = try decode(prompts.map { try DecodingMethod.autoregressive.factory(length)(task($0)) })
        for (count, threshold) in [(1, nil), (2, 0.5), (3, 0.25)] as [(Int, Double?)] {
            var values = length.merging([
                "blockLength": .integer(12), "blocksAtOnce": .integer(count),
            ]) { $1 }
            values["blockAddThreshold"] = threshold.map { .number($0) }
            if count > 1 { values["earlyBlocks"] = .string(early) }
            let make = try DecodingMethod.jacobiMultiBlock.factory(values)
            let found = try decode(prompts.map { make(task($0)) })
            for (a, b) in zip(found, plain) { #expect(a.starts(with: b), "\(count)") }
        }
    }

    @Test("drafts of a model without some of its layers change no token, whatever is skipped")
    func skippedLayers() throws {
        let model = try Checkpoint.load(Fixtures.path("golden/models/llama_swift_a"))
        let end = Int32(model.configuration.vocabulary - 1)
        let prompts = prompts.map { $0.map { $0 % 150 } }
        func decoded(_ method: String, _ values: [String: JSONValue]) throws -> [any Decoder] {
            let make = try DecodingMethod.named(method).factory(values)
            var decoders: [any Decoder] = prompts.map {
                make(DecodingTask(prompt: $0, maskToken: 0, endToken: end))
            }
            try BatchDecoder(model).decode(&decoders)
            return decoders
        }
        let plain = try decoded("autoregressive", ["generationLength": .integer(90)])
        for search in [true, false] {
            var values: [String: JSONValue] = [
                "generationLength": .integer(48), "search": .bool(search), "lastDraft": .string("corrected"),
            ]
            if search { values["searchWindow"] = .integer(6) }
            for (found, expected) in zip(try decoded("swift", values), plain) {
                #expect(
                    found.tokens.count > found.promptLength + 48 && expected.tokens.starts(with: found.tokens)
                )
                let swift = try #require(found as? LayerSkippingDecoder)
                #expect(swift.acceptedLengths.reduce(0, +) == found.tokens.count - found.promptLength)
                #expect(swift.forwards == swift.wholeForwards + swift.skippedForwards)
                #expect(swift.looks.isEmpty != search)
            }
        }
    }

    @Test("guesses of later steps change no token, and spare forwards", arguments: ["none", "dual"])
    func guesses(_ cache: String) throws {
        var fewer = 0
        for (rule, threshold) in [("scheduled", nil), ("confidence", 0.4), ("entropy", 2)]
            as [(String, Double?)]
        {
            var values: [String: JSONValue] = ["generationLength": .integer(32), "blockLength": .integer(16)]
            values["rule"] = .string(rule)
            values["threshold"] = threshold.map { .number($0) }
            let plain = try DecodingMethod.named(cache == "dual" ? "fast-dllm-dual-cache" : "fast-dllm")
                .factory(values)
            let spiffy = try DecodingMethod.named("spiffy").factory(
                values.merging(["cache": .string(cache), "drafts": .integer(8)]) { $1 })
            var (slow, quick): ([any Decoder], [any Decoder]) = (
                prompts.map { plain(task($0)) }, prompts.map { spiffy(task($0)) }
            )
            try BatchDecoder(model).decode(&slow)
            try BatchDecoder(model).decode(&quick)
            #expect(slow.map(\.tokens) == quick.map(\.tokens), "\(rule)")
            for (a, b) in zip(slow, quick) {
                #expect(b.forwards <= a.forwards && b.evaluations == b.forwards)
                fewer += a.forwards - b.forwards
            }
        }
        #expect(fewer > 10)
    }

    @Test("residuals enter where masks are left, with the shares that the forward before gave")
    func residuals() throws {
        let make = try DecodingMethod.named("rcd").factory(["generationLength": .integer(16)])
        var decoders: [any Decoder] = [make(task(prompts[0]))]
        var steps: [StepRecord] = []
        try BatchDecoder(model).decode(&decoders) { _, step, _ in steps.append(step) }
        #expect(steps[0].residualShares.isEmpty && steps.count > 1)
        for step in steps.dropFirst() {
            let masked = step.sequence.indices.filter { step.sequence[$0] == 319 }
            #expect(Set(step.residualShares.keys) == Set(masked))
            #expect(step.residualShares.values.allSatisfy { $0 > 0 && $0 <= 1 })
        }
        // A reference comes first, and is counted apart.
        let warm = try DecodingMethod.named("rcd").factory([
            "generationLength": .integer(16), "start": .string("warm"),
        ])
        var others: [any Decoder] = [warm(task(prompts[0]))]
        var first: StepRecord?
        try BatchDecoder(model, verifier: model).decode(&others) { _, step, _ in
            if !step.isOfVerifier, first == nil { first = step }
        }
        #expect(first?.residualShares.count == 16 && others[0].verifierForwards == 1)
        #expect(others[0].forwards == others[0].evaluations)
    }

    @Test(
        "a method with a second model is refused without one, and another vocabulary's tokens with one that lacks them"
    )
    func verifier() throws {
        let make = try DecodingMethod.adaptiveParallel.factory(["generationLength": .integer(8)])
        for (other, code) in [
            (nil, DecodingError.Code.invalidOptions),
            (try Checkpoint.load(Fixtures.path("golden/models/qwen2_jf_a")), .invalidSequence),
        ] as [(Transformer?, DecodingError.Code)] {
            var decoders: [any Decoder] = [make(task(prompts[0]))]
            let error = #expect(throws: DecodingError.self) {
                try BatchDecoder(model, verifier: other).decode(&decoders)
            }
            #expect(error?.code == code)
        }
    }

    @Test(
        "a verifier that is the model itself lets all of a greedy draft stay that it says again; at a share of 1 that is all"
    )
    func mixture() throws {
        let values: [String: JSONValue] = [
            "generationLength": .integer(12), "temperature": .integer(0), "mixture": .integer(1),
            "recomputed": .null, "lookahead": .integer(4),
        ]
        let make = try DecodingMethod.adaptiveParallel.factory(values)
        var decoders: [any Decoder] = prompts.map { make(task($0)) }
        try BatchDecoder(model, verifier: model).decode(&decoders)
        for decoder in decoders {
            #expect(decoder.forwards == 3 && decoder.verifierForwards == 3 && decoder.evaluations == 3)
            #expect(!decoder.state.response.contains(319))
        }
    }

    /// A checkpoint can hold anything: what no method can make sense of ends all the same.
    @Test(arguments: DecodingMethod.all.map(\.name), [Float.nan, .infinity, 3e38])
    func weightsThatAreNoNumbersEndInTokensOrAnError(_ method: String, _ value: Float) throws {
        let configuration = model.configuration
        let flat = FlatParameters(zeros: configuration)
        for i in 0..<flat.buffer.count { flat.buffer.pointer[i] = value }
        let broken = try Transformer(over: flat)
        let parameters = try DecodingMethod.named(method).options.map(\.key)
        for drawing in [false, true] {
            var values: [String: JSONValue] = [
                "generationLength": .integer(method == "autoregressive" ? 4 : 32)
            ]
            if drawing {
                for (name, value) in [("temperature", 0.7), ("topP", 0.9), ("orderTemperature", 0.5)]
                where parameters.contains(name) { values[name] = .number(value) }
                if parameters.contains("topK") { values["topK"] = .integer(5) }
            }
            let make = try DecodingMethod.named(method).factory(values)
            var decoders = [make(task(prompts[0], Sampling(seed: 1, sample: 2)))]
            do throws(DecodingError) {
                try BatchDecoder(broken, verifier: broken, maximumTurns: 200, threads: 1).decode(&decoders)
                #expect(decoders[0].tokens.allSatisfy { $0 >= 0 && Int($0) < configuration.vocabulary })
            } catch {
                #expect(error.code == .turnLimit)
            }
        }
    }

    /// Methods that can draw tokens.
    static let sampling = DecodingMethod.all.filter { $0.options.contains { $0.key == "temperature" } }

    @Test(arguments: sampling.map(\.name), [true, false])
    func samplingDoesNotDependOnTheBatchOrTheThreads(_ method: String, byTask: Bool) throws {
        var values: [String: JSONValue] = [
            "generationLength": .integer(method == "autoregressive" ? 8 : 32)
        ]
        if !byTask { values["temperature"] = .number(5) }
        let make = try DecodingMethod.named(method).factory(values)
        func decoders(_ order: [Int]) -> [any Decoder] {
            order.map {
                make(
                    task(prompts[$0], byTask ? Sampling(temperature: 5, seed: 9, sample: UInt64($0)) : nil))
            }
        }
        let forward = try decode(decoders([0, 1, 2]), threads: 1)
        let backward = try decode(decoders([2, 1, 0]), threads: 2)
        #expect(forward == Array(backward.reversed()))
        #expect(try decode(decoders([1]), threads: 1) == [forward[1]])
        let greedy = try decode([make(task(prompts[1], Sampling(temperature: 0, seed: 9, sample: 1)))])
        #expect(greedy != [forward[1]])
    }

    @Test func autoregressiveCacheChangesNothing() throws {
        let cached = try decode([
            AutoregressiveDecoder(task(prompts[0]), AutoregressiveOptions(generationLength: 10))
        ])[0]
        var tokens = prompts[0]
        let workspace = Workspace()
        for _ in 0..<10 where tokens.last != 318 {
            let logits = model.logits(
                [ForwardInput(tokens: tokens, attention: .causal, logitRows: [tokens.count - 1])], workspace)
            let row = logits.row(0)
            tokens.append(Int32(row.indices.max { row[$0] < row[$1] } ?? 0))
        }
        #expect(cached == tokens)
    }

    @Test func observersSeeEveryStepInOrder() throws {
        let make = try DecodingMethod.named("vanilla").factory(["generationLength": .integer(32)])
        var decoders = [make(task(prompts[0])), make(task(prompts[1]))]
        var seen: [[Int]] = [[], []]
        try BatchDecoder(model).decode(&decoders) { index, step, decoder in
            seen[index].append(step.index)
            #expect(step.unmasked.allSatisfy { decoder.tokens[$0.position] == $0.token })
        }
        #expect(seen == [Array(0..<32), Array(0..<32)])
    }

    @Test func tooManyTurnsIsAnError() throws {
        let make = try DecodingMethod.named("vanilla").factory(["generationLength": .integer(32)])
        var decoders = [make(task(prompts[0]))]
        #expect {
            try BatchDecoder(model, maximumTurns: 5).decode(&decoders)
        } throws: { error in
            guard let error = error as? DecodingError else { return false }
            return error.code == .turnLimit && error.description.contains("isn't finished after 5 forwards")
        }
    }

    @Test func aTokenOutsideTheVocabularyIsAnError() throws {
        var decoders: [any Decoder] = [
            AutoregressiveDecoder(task([3, 320]), AutoregressiveOptions(generationLength: 2))
        ]
        #expect {
            try BatchDecoder(model).decode(&decoders)
        } throws: { error in
            "\(error)".contains("has token 320, but the model knows tokens 0 to 319 only")
        }
    }

    @Test func noSequencesIsNoWork() throws { #expect(try decode([]).isEmpty) }
}
