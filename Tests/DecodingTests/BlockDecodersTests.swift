import JSON
import Testing
import Transformers

@testable import Decoding

/// Decoders of models that attend by blocks, and those that resemble them, with scripted predictions; the recorded runs of
/// upstream's code are in the parity cases.
@Suite struct BlockDecodersTests {
    private func decoder(
        _ method: DecodingMethod, _ values: [String: JSONValue], prompt: Int = 6, end: Int32? = 1
    )
        throws -> any Decoder
    {
        try method.factory(values)(ScriptedModel.task(promptLength: prompt, end: end))
    }

    private func run(_ decoder: any Decoder, _ model: ScriptedModel = ScriptedModel()) -> (
        decoder: any Decoder, turns: [(request: ForwardRequest, step: StepRecord)]
    ) {
        var decoder = decoder
        var turns: [(request: ForwardRequest, step: StepRecord)] = []
        while turns.count < 500, let request = decoder.nextRequest() {
            let answers = request.candidates.map { model.prediction(at: $0, forward: turns.count) }
            turns.append((request, decoder.accept(answers)))
        }
        return (decoder, turns)
    }

    private static let small: [String: JSONValue] = [
        "generationLength": .integer(8), "blockLength": .integer(4),
    ]

    // MARK: - Fast-dLLM v2

    @Test(
        "Fast-dLLM v2 decodes blocks of the absolute grid: the prompt's tail, then whole ones, a token between them"
    )
    func grid() throws {
        let values = Self.small.merging(["subBlockLength": .integer(2), "threshold": .integer(1)]) { $1 }
        let (decoder, turns) = run(try decoder(.fastDLLMv2, values))
        // A prompt of six: one whole block of it, two masks in the next, three behind the token that its commit gives.
        #expect(turns.map(\.request.inputs) == [0..<4, 4..<8, 4..<8, 4..<8, 8..<12, 8..<12, 8..<12, 8..<12])
        #expect(
            turns.map(\.request.kind)
                == [.prefill, .cached, .cached, .cacheUpdate, .cached, .cached, .cached, .cacheUpdate])
        #expect(turns[3].request.candidates == [8] && turns[4].request.candidates == [9])
        #expect(turns[5].request.candidates == [10, 11])
        #expect(decoder.tokens.count == 13 && decoder.evaluations == 8)
        #expect(turns[3].request.cache == .replace(from: 4, 4))
    }

    @Test("with a block's cache a part is forwarded alone once its first token is there")
    func blockCache() throws {
        let values = Self.small.merging(
            ["subBlockLength": .integer(4), "threshold": .integer(1), "blockCache": .bool(true)]
        ) { $1 }
        var model = ScriptedModel()
        model.probabilities = [8: 0.9]
        let (_, turns) = run(try decoder(.fastDLLMv2, values, prompt: 4), model)
        // The commit's token is the second block's first, so that the part is forwarded alone from the second time on.
        let second = turns.filter { $0.request.inputs.lowerBound >= 8 }
        #expect(second.map(\.request.kind) == [.blockPrefill, .dual, .dual, .cacheUpdate])
        #expect(
            second[0].request.cache == .replace(from: 8, 4) && second[1].request.cache == .overwrite(at: 8))
        #expect(second[1].request.attention == .bidirectional)
    }

    @Test("generate ends with an end token between blocks, batch_sample goes on behind it")
    func missedEnd() throws {
        var model = ScriptedModel()
        model.tokens = [8: ScriptedModel.end]
        for (end, count) in [("atOnce", 9), ("afterBlock", 13)] {
            let values = Self.small.merging(["subBlockLength": .integer(4), "end": .string(end)]) { $1 }
            #expect(run(try decoder(.fastDLLMv2, values), model).decoder.tokens.count == count, "\(end)")
        }
    }

    @Test(
        "upstream's denoising forwards see blocks of 32 whatever their length; corrected ones see their own")
    func attentionBlocks() throws {
        for (behaviour, length) in [("faithful", 32), ("corrected", 4)] {
            let values = Self.small.merging(
                ["subBlockLength": .integer(4), "attentionBlocks": .string(behaviour)]
            ) { $1 }
            let (_, turns) = run(try decoder(.fastDLLMv2, values))
            let patterns = turns.filter { $0.request.kind == .cached }.map(\.request.attention)
            #expect(Set(patterns) == [.blockCausal(promptLength: 0, blockLength: length)])
            #expect(turns[0].request.attention == .blockCausal(promptLength: 0, blockLength: 4))
        }
    }

    // MARK: - The others

    @Test(
        "NBDiff feeds the context causally, blocks see all of themselves, and it ends behind the part with an end token"
    )
    func nextBlock() throws {
        var model = ScriptedModel()
        model.tokens = [8: ScriptedModel.end]
        let values = Self.small.merging(["subBlockLength": .integer(2), "rule": .string("best")]) { $1 }
        let (decoder, turns) = run(try decoder(.nextBlock, values), model)
        #expect(turns.map(\.request.attention) == [.causal, .bidirectional, .bidirectional, .bidirectional])
        #expect(turns.map(\.step.positions) == [[6], [7], [8], [9]])
        #expect(Array(decoder.tokens[10...]) == [99, 99, 99, 99])
    }

    @Test("SDAR accepts what is planned, or all above the threshold where they are more")
    func planned() throws {
        var model = ScriptedModel()
        model.probabilities = [8: 0.96, 9: 0.97, 10: 0.98, 11: 0.2]
        for (rule, expected) in [("planned", [[9, 10], [8, 11]]), ("threshold", [[8, 9, 10], [11]])] {
            let values = Self.small.merging(["steps": .integer(2), "rule": .string(rule)]) { $1 }
            let (_, turns) = run(try decoder(.sdar, values, prompt: 8), model)
            let first = turns.filter { $0.request.inputs == 8..<12 && !$0.request.candidates.isEmpty }
            #expect(first.map(\.step.positions) == expected, "\(rule)")
        }
    }

    @Test("SDAR's answer is rounded up to whole blocks, and the block after an end token isn't begun")
    func roundedUp() throws {
        var model = ScriptedModel()
        model.tokens = [7: ScriptedModel.end]
        let values = Self.small.merging(["rule": .string("sequential"), "steps": .integer(1)]) { $1 }
        let (decoder, turns) = run(try decoder(.sdar, values), model)
        #expect(decoder.tokens.count == 16 && decoder.tokens[8...].allSatisfy { $0 == 99 })
        #expect(turns.map(\.request.kind) == [.prefill, .cached, .cacheUpdate])
    }

    @Test("MultiBD decodes several blocks at once and stores a complete one with the next forward")
    func multiBD() throws {
        var model = ScriptedModel()
        model.defaultProbability = 0.99
        let values: [String: JSONValue] = [
            "generationLength": .integer(24), "blockLength": .integer(4), "bufferSize": .integer(2),
            "blockAddThreshold": .number(0.1), "decodedTokenThreshold": .number(0.9),
        ]
        let (decoder, turns) = run(try decoder(.multiBD, values, prompt: 8), model)
        #expect(turns[0].request.kind == .prefill && turns[0].request.candidates.isEmpty)
        #expect(
            turns.allSatisfy {
                $0.request.choice.forbidden == ScriptedModel.mask && $0.request.choice.takesLastOfEquals
            })
        // One block is begun per forward; the first is complete after one and stored by the next, which decodes the second.
        #expect(turns[1].request.inputs == 8..<12 && turns[2].request.inputs == 8..<16)
        #expect(turns[2].request.cache == .append(4) && turns[2].step.positions == [12, 13, 14, 15])
        #expect((decoder as? MultiBDDecoder)?.completion == "max_new_tokens_reached")
    }

    @Test(
        "dLLM-Var's first forward counts only where it is asked to, and it stores a block with the next one's masks"
    )
    func variableLength() throws {
        for (behaviour, evaluations) in [("faithful", 7), ("corrected", 8)] {
            let values = Self.small.merging(["countsPrefill": .string(behaviour)]) { $1 }
            let (decoder, turns) = run(try decoder(.variableLength, values))
            #expect(decoder.forwards == 8 && decoder.evaluations == evaluations)
            #expect(turns[4].request.cache == .append(4) && turns[4].request.inputs == 6..<14)
        }
    }

    @Test("dLLM-Var rewrites tokens that are there only where it edits")
    func edits() throws {
        var model = ScriptedModel()
        model.override = { forward, position in
            Prediction(position: position, token: Int32(10 + forward), probability: 0.5, entropy: 1)
        }
        for edits in [false, true] {
            let values = Self.small.merging(["edits": .bool(edits), "generationLength": .integer(4)]) { $1 }
            let (decoder, _) = run(try decoder(.variableLength, values), model)
            #expect(Array(decoder.tokens[6...]) == (edits ? [13, 13, 13, 13] : [10, 11, 12, 13]))
        }
    }

    @Test(
        "mask tokens of a prompt stay, and decoding ends all the same",
        arguments: [DecodingMethod.fastDLLMv2, .sdar, .multiBD, .nextBlock, .variableLength].map(\.name))
    func promptMasks(_ name: String) throws {
        var values = Self.small
        if name == "multi-bd" {
            values.merge(["emptyBlocks": .string("corrected"), "evaluationLimit": .integer(100)]) { $1 }
        }
        if name == "fast-dllm-v2" || name == "nbdiff" { values["subBlockLength"] = .integer(2) }
        let prompt: [Int32] = [5, 99, 5, 5, 99, 5]
        let task = DecodingTask(prompt: prompt, maskToken: ScriptedModel.mask, endToken: 1)
        let (decoder, turns) = run(try DecodingMethod.named(name).factory(values)(task))
        #expect(Array(decoder.tokens[..<6]) == prompt && turns.count < 40)
        #expect(decoder.tokens[6] == 7)
    }

    // MARK: - Jacobi

    /// Decodes a language in which the token behind t is t + 1, perhaps modulo some number.
    private func counting(_ decoder: any Decoder, modulo: Int32 = 1000) -> (any Decoder, [ForwardRequest]) {
        var (decoder, requests) = (decoder, [ForwardRequest]())
        while let request = decoder.nextRequest() {
            requests.append(request)
            // The row before a position predicts it: it sees the token there.
            let rows = [Array(decoder.tokens[request.inputs])] + request.variants
            decoder.accept(
                rows.flatMap { row in
                    request.candidates.map {
                        let before = row[$0 - 1 - request.inputs.lowerBound]
                        return Prediction(
                            position: $0, token: (before + 1) % modulo, probability: 1, entropy: 0)
                    }
                })
        }
        return (decoder, requests)
    }

    @Test("Jacobi decoding writes what greedy decoding writes, and feeds what isn't right yet")
    func jacobi() throws {
        var task = DecodingTask(prompt: [5, 6, 7], maskToken: 0, endToken: nil)
        // Right guesses for the first block, wrong ones for the second.
        task.sampling = Sampling(seed: 0, sample: 0, script: .tokens([8, 9, 10, 11, 0, 13, 14]))
        let values: [String: JSONValue] = ["generationLength": .integer(8), "blockLength": .integer(4)]
        let (decoder, requests) = counting(try DecodingMethod.jacobi.factory(values)(task))
        #expect(decoder.tokens == [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
        // The prompt with its guesses; one forward finds the first block right; the second needs three.
        #expect(requests.map(\.inputs.count) == [7, 4, 4, 3, 2, 1])
        #expect(decoder.evaluations == 5 && decoder.forwards == 6)
    }

    @Test("Jacobi decoding ends with an end token, in the middle of a block or behind what is right")
    func jacobiEnds() throws {
        for (end, last) in [(Int32(9), [8, 9]), (12, [8, 9, 10, 11, 12])] {
            var task = DecodingTask(prompt: [5, 6, 7], maskToken: 0, endToken: end)
            task.sampling = Sampling(seed: 0, sample: 0, script: .tokens([0, 0, 0, 0, 0, 0, 0]))
            let values: [String: JSONValue] = ["generationLength": .integer(64), "blockLength": .integer(4)]
            let (decoder, _) = counting(try DecodingMethod.jacobi.factory(values)(task))
            #expect(Array(decoder.tokens[3...]) == last.map(Int32.init), "\(end)")
        }
    }

    @Test(
        "Jacobi decoding of several blocks begins the next one early", arguments: ["faithful", "corrected"])
    func severalBlocks(_ early: String) throws {
        var task = DecodingTask(prompt: [5, 6, 7], maskToken: 0, endToken: nil)
        task.sampling = Sampling(seed: 0, sample: 0, script: .tokens([1, 1, 1, 1, 1, 1, 1]))
        let values: [String: JSONValue] = [
            "generationLength": .integer(8), "blockLength": .integer(4), "blockAddThreshold": .number(0.5),
            "earlyBlocks": .string(early),
        ]
        let (decoder, requests) = counting(try DecodingMethod.jacobiMultiBlock.factory(values)(task))
        #expect(decoder.tokens == Array(5...15))
        // The prompt; then a token is right in each forward, and from two on the other block is read, too.
        #expect(requests.map(\.inputs.count) == [7, 4, 3, 6, 5, 4, 3, 6, 5])
    }

    @Test("what was rejected before is tried again beside the draft, and the best guess is kept")
    func candidates() throws {
        // Once round, the text so far tells how it goes on.
        var task = DecodingTask(prompt: [0, 1, 2], maskToken: 0, endToken: nil)
        task.sampling = Sampling(seed: 0, sample: 0, script: .tokens([Int32](repeating: 9, count: 16)))
        var values: [String: JSONValue] = ["generationLength": .integer(16), "blockLength": .integer(16)]
        let (plain, _) = counting(try DecodingMethod.jacobi.factory(values)(task), modulo: 4)
        values["poolSize"] = .integer(8)
        let (decoder, requests) = counting(
            try DecodingMethod.jacobiMultiBlock.factory(values)(task), modulo: 4)
        #expect(decoder.tokens == (0..<19).map { $0 % 4 } && plain.tokens == decoder.tokens)
        #expect(requests.contains { $0.variants.count > 1 })
        #expect(requests.allSatisfy { r in r.variants.allSatisfy { $0.count == r.inputs.count } })
        #expect(decoder.forwards < plain.forwards)
        let read = requests.reduce(0) { $0 + $1.inputs.count * (1 + $1.variants.count) }
        #expect(decoder.tokensForwarded == read)
    }

    @Test("drafts draw from the sequence alone, and the same for the same prompt")
    func drafts() {
        var (a, b) = (DraftDraws(Sampling(prompt: [3, 4])), DraftDraws(Sampling(prompt: [3, 4])))
        let tokens = a.tokens(200, of: [3, 4, 9])
        #expect(Set(tokens) == [3, 4, 9] && tokens == b.tokens(200, of: [3, 4, 9]))
    }

    // MARK: - Choices

    @Test("an open choice draws within the limits and tells the probability among all tokens")
    func openChoice() {
        let logits: [Float] = [0, 2, 1, 1.5]
        var choice = TokenChoice(.open, temperature: 2, topK: 2)
        choice.limitsNumberFirst = true
        let sampling = Sampling(seed: 0, sample: 0, script: .lists([[0.99]]))
        var step = SamplingStep(sampling, step: 0)
        step.replayed = sampling.replayed(0, for: 3..<4)
        let found = logits.withUnsafeBufferPointer {
            RowScorer.prediction(at: 3, $0, choice: choice, draws: step)
        }
        // Tokens 1 and 3 are left; the number is past the first one's share.
        let e = [0.0, 1, 0.5, 0.75].map { exponential($0) }
        #expect(found.token == 3 && abs(found.probability - e[3] / e.reduce(0, +)) < 1e-6)
    }

    private func exponential(_ x: Double) -> Double {
        var (term, sum) = (1.0, 1.0)
        for n in 1..<30 {
            term *= x / Double(n)
            sum += term
        }
        return sum
    }

    @Test("a forbidden token has no probability, and the last of equals may be taken")
    func forbidden() {
        let logits: [Float] = [1, 5, 2, 2]
        var choice = TokenChoice()
        choice.forbidden = 1
        let first = logits.withUnsafeBufferPointer { RowScorer.prediction(at: 0, $0, choice: choice) }
        choice.takesLastOfEquals = true
        let last = logits.withUnsafeBufferPointer { RowScorer.prediction(at: 0, $0, choice: choice) }
        #expect(first.token == 2 && last.token == 3 && first.probability == last.probability)
        #expect(abs(first.probability - 1 / (2 + exponential(-1))) < 1e-6)
    }

    @Test("a model that attends by blocks is refused to a method that shows it everything, by name")
    func refused() throws {
        let pattern = AttentionPattern.blockCausal(promptLength: 0, blockLength: 4)
        let error = try #require(throws: DecodingError.self) {
            try DecodingMethod.multiBlock.check("the model", attends: pattern)
        }
        #expect("\(error)".contains("the model sees the blocks of 4 tokens up to a token's own"))
        #expect("\(error)".contains("\"fast-dllm-v2\", \"sdar\", \"multi-bd\""))
        for method in DecodingMethod.all {
            #expect(throws: Never.self) { try method.check("m", attends: .bidirectional) }
        }
        try DecodingMethod.sdar.check("m", attends: pattern)
    }
}
