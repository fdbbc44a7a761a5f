import Numerics
import Testing
import Transformers

@testable import Training

@Suite struct PretrainingBatcherTests {
    /// Prompts of different lengths, responses of 5 in 12 tokens.
    private func examples(_ count: Int) throws -> [TrainingExample] {
        try (0..<count).map { i in
            try #require(
                TrainingExample(
                    prompt: Tiny.tokens(3 + i % 3, seed: UInt64(i)),
                    response: Tiny.tokens(5, seed: UInt64(100 + i)), endToken: 0, generationLength: 12))
        }
    }

    private func batcher(_ shares: [PretrainingShare]) -> PretrainingBatcher {
        PretrainingBatcher(shares: shares, windowLength: 4, paddingWeight: 0.1, maskToken: Tiny.mask)
    }

    private func batch(
        _ objective: PretrainingObjective, rows: Int = 6, shift: Bool = false, seed: UInt64 = 1
    ) throws -> (examples: [TrainingExample], batch: LossBatch) {
        let examples = try examples(rows)
        var stream = RandomStream(seed: seed, purpose: "batch")
        let batch = batcher([.init(objective, rows: rows, weight: 1)])
            .batch(examples, Tiny.configuration(shift: shift), &stream)
        return (examples, batch)
    }

    @Test("shares get their rows in order, one group each with their weight")
    func shares() throws {
        let shares: [PretrainingShare] = [
            .init(.autoregressive, rows: 2, weight: 0.5), .init(.maskedWindow, rows: 3, weight: 1),
            .init(.maskedUniform, rows: 1, weight: 0.25), .init(.llada, rows: 4, weight: 2),
        ]
        let batcher = batcher(shares)
        #expect(batcher.batchSize == 10)
        var stream = RandomStream(seed: 1, purpose: "batch")
        let examples = try examples(10)
        let batch = batcher.batch(examples, Tiny.configuration(), &stream)
        #expect(batch.sequences.count == 10)
        #expect(batch.groups.map(\.crossEntropy) == [0.5, 1, 0.25, 2])
        #expect(batch.groups.map(\.name) == ["autoregressive", "masked-window", "masked-uniform", "llada"])
        #expect(batch.groups.map(\.normalization) == [.weightedMean, .weightedMean, .weightedMean, .sum])
        let groups = [0, 0, 1, 1, 1, 2, 3, 3, 3, 3]
        for (i, sequence) in batch.sequences.enumerated() {
            #expect(sequence.rows.allSatisfy { $0.group == groups[i] })
            #expect(sequence.attention == (i < 2 ? .causal : .bidirectional))
            // Each sequence is its example: what isn't masked is its token.
            for (token, original) in zip(sequence.tokens, examples[i].tokens) where token != Tiny.mask {
                #expect(token == original)
            }
        }
    }

    @Test("autoregressive rows predict the next response token, padding at its own weight")
    func autoregressive() throws {
        let (examples, batch) = try batch(.autoregressive)
        for (example, sequence) in zip(examples, batch.sequences) {
            #expect(sequence.tokens == Array(example.tokens.dropLast()))
            #expect(sequence.rows.count == 12)
            for (i, row) in sequence.rows.enumerated() {
                #expect(row.row == example.prompt.count + i - 1)
                #expect(row.target == example.tokens[row.row + 1])
                // Five tokens and one end token count fully.
                #expect(row.weight == (i < 6 ? 1 : 0.1))
            }
        }
    }

    @Test(
        "tokens that aren't learnt are neither masked nor predicted", arguments: PretrainingObjective.allCases
    )
    func learnt(objective: PretrainingObjective) throws {
        let text = Tiny.tokens(16, seed: 4)
        let flags = (0..<16).map { $0 % 4 != 0 && $0 < 13 }
        let example = TrainingExample(text: text, learnt: flags)
        #expect(example.learntCount == 9 && example.prompt.isEmpty && example.tokens == text)
        var predicted: Set<Int> = []
        for seed in 0..<60 {
            var stream = RandomStream(seed: UInt64(seed), purpose: "batch")
            let configuration = Tiny.configuration(shift: true)
            let batch = batcher([.init(objective, rows: 1, weight: 1)])
                .batch([example], configuration, &stream)
            // A second stream stands behind the first.
            for sequence in batch.sequences {
                for (i, token) in sequence.tokens.enumerated() where !flags[i % 16] {
                    #expect(token == text[i % 16])
                }
                for row in sequence.rows {
                    let position = row.row % 16 + 1
                    #expect(flags[position] && row.target == text[position])
                    predicted.insert(position)
                }
            }
            // LLaDA's weights: 1 / t / learnt tokens, t from above 0 to 1.
            if objective == .llada {
                #expect(batch.sequences[0].rows.allSatisfy { $0.weight >= 1 / 9 * 0.999 })
            }
        }
        #expect(predicted == Set(flags.indices.filter { flags[$0] }), "each of them at some time")
    }

    @Test("an empty prompt leaves its first token unpredicted", arguments: PretrainingObjective.allCases)
    func emptyPrompt(objective: PretrainingObjective) throws {
        let example = try #require(
            TrainingExample(prompt: [], response: [1, 2], endToken: 0, generationLength: 4))
        var draws = ScriptedDraws(uniforms: [0.9, 0.9, 0, 0, 0, 0])
        let batch = batcher([.init(objective, rows: 1, weight: 1)])
            .batch([example], Tiny.configuration(shift: true), &draws)
        // A second stream's rows stand behind the first's.
        let rows = batch.sequences.flatMap(\.rows)
        #expect(rows.allSatisfy { $0.row >= 0 && $0.target == example.tokens[$0.row % 4 + 1] })
        #expect(!rows.isEmpty)
    }

    @Test("masked objectives hide what they ask for", arguments: [false, true])
    func masked(shift: Bool) throws {
        for objective in [PretrainingObjective.maskedWindow, .maskedUniform, .llada] {
            for seed in 0..<20 {
                let (examples, batch) = try batch(objective, shift: shift, seed: UInt64(seed))
                for (example, sequence) in zip(examples, batch.sequences) {
                    let prompt = example.prompt.count
                    #expect(sequence.tokens.count == example.tokens.count)
                    #expect(Array(sequence.tokens[..<prompt]) == example.prompt)
                    let positions = sequence.rows.map { $0.row + (shift ? 1 : 0) }
                    #expect(positions == positions.sorted() && Set(positions).count == positions.count)
                    for (row, position) in zip(sequence.rows, positions) {
                        #expect(sequence.tokens[position] == Tiny.mask)
                        #expect(row.target == example.tokens[position])
                    }
                    let hidden = sequence.tokens.indices.filter { sequence.tokens[$0] == Tiny.mask }
                    if objective != .maskedWindow { #expect(hidden == positions) }
                }
            }
        }
    }

    @Test("a window has at least one masked position, clean text before it and only masks behind it")
    func window() throws {
        var starts: Set<Int> = []
        for seed in 0..<40 {
            let (examples, batch) = try batch(.maskedWindow, seed: UInt64(seed))
            for (example, sequence) in zip(examples, batch.sequences) {
                let prompt = example.prompt.count
                let first = try #require(sequence.rows.first).row - prompt
                let last = try #require(sequence.rows.last).row - prompt
                let start = first / 4 * 4
                starts.insert(start)
                #expect(last < start + 4)
                #expect(
                    Array(sequence.tokens[..<(prompt + start)]) == Array(example.tokens[..<(prompt + start)]))
                #expect(sequence.tokens[(prompt + start + 4)...].allSatisfy { $0 == Tiny.mask })
                #expect(sequence.rows.allSatisfy { $0.weight == 1 })
            }
        }
        #expect(starts == [0, 4, 8])
        // A ratio of 0 still hides one position.
        var draws = ScriptedDraws(integers: [1, 2], uniforms: [0.5, 0, 0.5, 0.5, 0.5, 0.5])
        let one = batcher([.init(.maskedWindow, rows: 1, weight: 1)])
            .batch(try examples(1), Tiny.configuration(), &draws)
        #expect(one.sequences[0].rows.map(\.row) == [3 + 4 + 2])
    }

    @Test("LLaDA's ratios are stratified over the rows, one in each equal part of (0, 1)")
    func stratified() throws {
        let rows = 8
        for seed in 0..<20 {
            let (examples, batch) = try batch(.llada, rows: rows, seed: UInt64(seed))
            for (i, sequence) in batch.sequences.enumerated() {
                // The weight is 1 / (ratio · response · rows); it tells the ratio that was drawn.
                guard let weight = sequence.rows.first?.weight else { continue }
                #expect(sequence.rows.allSatisfy { $0.weight == weight })
                let ratio = 1 / (Double(weight) * Double(examples[i].response.count * rows))
                let t = (ratio - 1e-3) / (1 - 1e-3)
                #expect(t >= Double(i) / Double(rows) - 1e-6 && t < Double(i + 1) / Double(rows) + 1e-6)
            }
        }
    }

    @Test("the same stream gives the same batch, another one another batch")
    func repeatable() throws {
        func tokens(_ seed: UInt64) throws -> [[Int32]] {
            try batch(.maskedUniform, seed: seed).batch.sequences.map(\.tokens)
        }
        #expect(try tokens(1) == tokens(1))
        #expect(try tokens(1) != tokens(2))
    }

    @Test(
        "objectives with blocks learn targets of the response only, whatever the model's shift",
        arguments: PretrainingObjective.allCases.filter { $0.hasBlocks || $0 == .endToken }, [false, true])
    func blocks(_ objective: PretrainingObjective, shift: Bool) throws {
        let model = Tiny.configuration(shift: shift)
        let examples = try (0..<4).map { index in
            try #require(
                TrainingExample(
                    prompt: Tiny.tokens(5, seed: UInt64(index)), response: Tiny.tokens(6, seed: 9),
                    endToken: 0,
                    generationLength: 10))
        }
        var batcher = PretrainingBatcher(
            shares: [
                PretrainingShare(.maskedUniform, rows: 2, weight: 1),
                PretrainingShare(objective, rows: 2, weight: 0.5),
            ], windowLength: 4, paddingWeight: 0.1, maskToken: Tiny.mask)
        batcher.blockLength = 4
        var draws = RandomStream(seed: 8, purpose: "test")
        let batch = batcher.batch(examples, model, &draws)
        #expect(batch.groups[0].name == "masked-uniform" && batch.groups.count > 1)
        var learnt = 0
        for sequence in batch.sequences[2...] {
            let length = sequence.geometry == nil ? sequence.tokens.count : sequence.tokens.count / 2
            #expect((sequence.geometry != nil) == objective.hasBlocks)
            #expect(sequence.rows.map(\.row) == sequence.rows.map(\.row).sorted())
            for row in sequence.rows {
                #expect((1..<batch.groups.count).contains(row.group))
                let place = row.row % length
                let isClean = sequence.geometry != nil && row.row < length
                let example = examples[2...].first { Array(sequence.tokens[..<5]) == $0.prompt }
                // Own row, or the row before; the clean row predicts next tokens, and a block's first in shifted models.
                let position = shift || (isClean && objective == .nextBlock) ? place + 1 : place
                let tokens = try #require(example?.tokens)
                #expect(position >= 5 && row.target == tokens[position])
                learnt += 1
            }
        }
        #expect(learnt > 0)
        let weights = Set(batch.groups[1...].map(\.crossEntropy))
        #expect(
            objective == .nextBlock
                ? weights == [0.5, 0.25] : objective == .multiBlock ? weights == [0.25] : weights == [0.5])
    }
}
