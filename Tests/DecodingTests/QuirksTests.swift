import Documents
import JSON
import Testing

@testable import Decoding

/// Each named difference to the released code or to the paper, seen on a scripted model.
@Suite struct QuirksTests {
    private func steps(
        _ method: String, _ values: [String: JSONValue], _ model: ScriptedModel,
        task: DecodingTask = ScriptedModel.task()
    ) throws -> (steps: [StepRecord], decoder: any Decoder) {
        // Unchecked: that a quirk of one family does nothing in the other is seen by giving it there.
        var decoder = try DecodingMethod.named(method).reading(values).setup.make(task)
        var steps: [StepRecord] = []
        while let request = decoder.nextRequest() {
            let forward = steps.count
            steps.append(
                decoder.accept(request.candidates.map { model.prediction(at: $0, forward: forward) }))
        }
        return (steps, decoder)
    }

    /// Two blocks of four that both exist from the first turn on.
    private let twoBlocks: [String: JSONValue] = [
        "generationLength": .integer(8), "blockLength": .integer(4), "threshold": .number(0.5),
        "blockAddThreshold": .number(0), "decodedTokenThreshold": .number(1), "earlyStop": .bool(false),
    ]

    @Test(arguments: ["multi-block", "multi-block-cache"])
    func theSurestOfAllBlocksIsAcceptedAboveTheThresholdInTheReleaseOnly(_ method: String) throws {
        // 10 is the surest but above the threshold, and its block isn't fully activated.
        let model = ScriptedModel(entropies: [10: 0.7])
        func first(_ reading: String, _ family: String) throws -> [Int] {
            var values = twoBlocks
            values["globalBest"] = .string(reading)
            values["family"] = .string(family)
            return try steps(method, values, model).steps[0].positions
        }
        #expect(try first("faithful", "llada") == [4, 10])
        #expect(try first("paper", "llada") == [4])
        #expect(try first("faithful", "dream") == [4] && first("paper", "dream") == [4])
    }

    @Test func anEntropyAtTheThresholdPassesInLLaDAsReleaseOnly() throws {
        let model = ScriptedModel(entropies: [4: 0.1, 5: 0.5, 6: 0.5])
        func first(_ reading: String, _ family: String) throws -> [Int] {
            var values = twoBlocks
            values["thresholdTies"] = .string(reading)
            values["family"] = .string(family)
            return try steps("multi-block", values, model).steps[0].positions
        }
        #expect(try first("faithful", "llada") == [4, 5, 6])
        #expect(try first("paper", "llada") == [4])
        #expect(try first("faithful", "dream") == [4] && first("paper", "dream") == [4])
    }

    @Test(arguments: ["llada", "dream"])
    func onePerFullyActivatedBlockIsThePapersAndOneInTheFirstTheReleases(_ family: String) throws {
        var values = twoBlocks
        values["decodedTokenThreshold"] = .number(0)
        values["globalBest"] = .string("paper")
        values["family"] = .string(family)
        let model = ScriptedModel(entropies: [5: 0.8, 9: 0.9], defaultEntropy: 2)
        let faithful = try steps("multi-block", values, model)
        #expect(faithful.steps[0].positions == [5] && faithful.steps.count == 8)
        values["forcedProgress"] = .string("paper")
        let paper = try steps("multi-block", values, model)
        #expect(paper.steps[0].positions == [5, 9] && paper.steps.count == 4)
        // Where something passes in a block, nothing is forced there.
        let passing = ScriptedModel(entropies: [8: 0.1, 5: 0.8], defaultEntropy: 2)
        #expect(try steps("multi-block", values, passing).steps[0].positions == [5, 8])
    }

    @Test func theLastOfAllPassesTheFactorRuleInTheReleaseOnly() throws {
        // With factor 1 the second needs 2/3, the third 3/4, the fourth 4/5.
        let model = ScriptedModel(probabilities: [4: 0.9, 5: 0.8, 6: 0.76, 7: 0.1])
        func counts(_ behaviour: String) throws -> [Int] {
            try steps(
                "dinfer",
                [
                    "generationLength": .integer(4), "blockLength": .integer(4),
                    "factorLast": .string(behaviour),
                ], model
            ).steps.map(\.unmasked.count)
        }
        #expect(try counts("faithful") == [4])
        #expect(try counts("corrected") == [3, 1])
    }

    @Test(arguments: [
        ("fast-dllm-prefix-cache", true), ("fast-dllm-dual-cache", true), ("dinfer-prefix-cache", false),
        ("dinfer-dual-cache", false), ("fast-dllm-dream-dual-cache", true),
    ])
    func aFinishedBlockIsForwardedOnceMoreIfFaithful(_ method: String, isDefault: Bool) throws {
        let isDream = method.contains("dream")
        var values: [String: JSONValue] = [
            "generationLength": .integer(4), "blockLength": .integer(isDream ? 1 : 2),
        ]
        let model = ScriptedModel(defaultProbability: 0.999)
        let blocks = isDream ? 4 : 2
        let byDefault = try steps(method, values, model)
        #expect(byDefault.steps.count == (isDefault ? 2 * blocks : blocks))
        for (behaviour, count) in [("faithful", 2 * blocks), ("corrected", blocks)] {
            values["uselessForward"] = .string(behaviour)
            let (steps, decoder) = try steps(method, values, model)
            #expect(steps.count == count && decoder.evaluations == count)
            #expect(decoder.tokens == byDefault.decoder.tokens)
        }
    }

    @Test func anEndTokenInThePromptStopsDInferOnly() throws {
        let end = ScriptedModel.end
        let task = DecodingTask(
            prompt: [5, end, 5, 5], maskToken: ScriptedModel.mask, endToken: end)
        func tokens(_ style: String) throws -> [Int32] {
            try steps(
                "dinfer",
                [
                    "generationLength": .integer(4), "blockLength": .integer(2), "earlyStop": .bool(true),
                    "earlyStopStyle": .string(style),
                ], ScriptedModel(), task: task
            ).decoder.tokens
        }
        #expect(try tokens("dInfer") == [5, end, end, end, end, end, end, end])
        #expect(try tokens("fill") == [5, end, 5, 5, 7, 7, 7, 7])
        #expect(!DecodingMethod.vanilla.options.contains { $0.key == "earlyStopStyle" })
    }

    /// SGLang's limit is a forward for each token and one more, and then one that nobody looks at.
    @Test func aMaskInThePromptKeepsSGLangsDecoderBusyIfFaithful() throws {
        let mask = ScriptedModel.mask
        let task = DecodingTask(prompt: [5, mask, 5], maskToken: mask, endToken: ScriptedModel.end)
        var values: [String: JSONValue] = [
            "generationLength": .integer(4), "blockLength": .integer(2), "threshold": .number(0.5),
        ]
        // All but the prompt's mask pass the threshold, in blocks that are added one after the other.
        let model = ScriptedModel(entropies: [1: 0.7], defaultEntropy: 0.1)
        let faithful = try steps("sglang-multi-block", values, model, task: task)
        #expect(faithful.decoder.tokens == [5, mask, 5, 7, 7, 7, 7])
        #expect(faithful.decoder.evaluations == 6 && faithful.decoder.forwards == 6)
        #expect(faithful.steps.last?.unmasked == [])
        // One that does is decoded like any other.
        let sure = try steps("sglang-multi-block", values, ScriptedModel(defaultEntropy: 0.1), task: task)
        #expect(sure.decoder.tokens == [5, 7, 5, 7, 7, 7, 7] && sure.decoder.evaluations == 2)
        values["promptMasks"] = .string("corrected")
        let corrected = try steps("sglang-multi-block", values, model, task: task)
        #expect(corrected.decoder.tokens == [5, mask, 5, 7, 7, 7, 7])
        #expect(corrected.decoder.evaluations == 2)
    }

    @Test func tadLeavesMasksBeforeTheEndTokenIfItEndsAtOnce() throws {
        let (mask, end) = (ScriptedModel.mask, ScriptedModel.end)
        var values: [String: JSONValue] = [
            "generationLength": .integer(8), "blockLength": .integer(4), "threshold": .number(0.5),
            "earlyStop": .bool(true),
        ]
        // The end token at 6 is the surest of the first block; what is before it comes later.
        let model = ScriptedModel(tokens: [6: end], entropies: [6: 0.1])
        let atOnce = try steps("tad", values, model)
        #expect(atOnce.decoder.tokens.suffix(8) == [mask, mask, end, end, end, end, end, end])
        #expect(atOnce.decoder.evaluations == 1)
        values["earlyStopStyle"] = .string("fill")
        let filled = try steps("tad", values, model)
        #expect(filled.decoder.tokens.suffix(8) == [7, 7, end, end, end, end, end, end])
        #expect(filled.decoder.evaluations == 3)
    }

    @Test func theLastTurnOfD2FCountsIfFaithful() throws {
        let values: [String: JSONValue] = ["generationLength": .integer(8), "blockLength": .integer(4)]
        for (behaviour, more) in [("faithful", 1), ("corrected", 0)] {
            var all = values
            all["idleEvaluation"] = .string(behaviour)
            let decoder = try steps("d2f", all, ScriptedModel()).decoder
            #expect(decoder.evaluations == decoder.forwards + more)
        }
    }

    @Test func aForcedTokenIsTheMostProbableForLLaDAAndTheDrawnOneForDream() throws {
        let model = ScriptedModel { _, position in
            var drawn = Prediction(position: position, token: 3, probability: 0.6, entropy: 2)
            drawn.token = 8
            return drawn
        }
        for (family, token) in [("llada", Int32(3)), ("dream", 8)] {
            var values = twoBlocks
            values["family"] = .string(family)
            values["globalBest"] = .string("paper")
            #expect(try steps("multi-block", values, model).steps[0].unmasked.map(\.token) == [token])
        }
    }

    @Test func theDefaultsAreTheReleases() {
        #expect(MultiBlockOptions().quirks == .faithful && D2FOptions().quirks == .faithful)
        for parameter in DecodingMethod.all.flatMap(\.options) {
            guard case .choice(let names) = parameter.type, names.contains("faithful") else { continue }
            let isDInfer = parameter.key == "uselessForward" && parameter.defaultValue == .string("corrected")
            #expect(parameter.defaultValue == .string("faithful") || isDInfer, "\(parameter.key)")
        }
    }
}
