import Numerics
import Testing
import Transformers

@testable import Training

@Suite struct BatchGradientTests {
    /// `count` sequences of uneven lengths and patterns with two groups of rows.
    private func batch(_ count: Int, entropy: Float, length: Int = 9) -> LossBatch {
        var stream = RandomStream(seed: 7, purpose: "batch")
        let sequences = (0..<count).map { i in
            let tokens = Tiny.tokens(length + i % 4, seed: UInt64(i))
            return TrainingSequence(
                tokens: tokens, attention: i % 3 == 0 ? .causal : .bidirectional,
                rows: tokens.indices.filter { ($0 + i) % 2 == 0 }.map {
                    LossRow(
                        row: $0, target: Int32(stream.nextInt(in: 0..<16)), group: i % 2,
                        weight: Float(stream.nextDouble()))
                })
        }
        return LossBatch(
            sequences: sequences,
            groups: [
                LossGroup("a", crossEntropy: 0.25, entropy: entropy),
                LossGroup("b", crossEntropy: 0.5, normalization: .sum),
            ], temperature: 0.5)
    }

    @Test(
        "any number of threads gives the same bits, and so does a second call", arguments: [Float(0), 0.5],
        [1, 3, 11, 40])
    func threads(entropy: Float, sequences: Int) throws {
        let parameters = Tiny.parameters(Tiny.configuration(layers: 2))
        // 60 tokens in each of 40 sequences make more shards than lanes.
        let batch = batch(sequences, entropy: entropy, length: sequences == 40 ? 60 : 9)
        if sequences == 40 { #expect(BatchGradient.shards(of: batch).count > BatchGradient.lanes) }
        var expected: (bits: [UInt32], total: Double)?
        for threads in [1, 2, 3, 1] {
            let gradient = try BatchGradient(parameters, threads: threads)
            for _ in 0..<2 {
                let total = gradient.compute(batch).total
                let bits = Tiny.bits(gradient.gradient)
                if let expected {
                    #expect(bits == expected.bits, "\(threads) threads")
                    #expect(total == expected.total)
                } else {
                    expected = (bits, total)
                    #expect(bits.contains { $0 & 0x7FFF_FFFF != 0 })
                }
            }
        }
    }

    @Test(
        "activations that are computed again give the same bits in less memory", arguments: [Float(0), 0.5])
    func recomputation(entropy: Float) throws {
        let parameters = Tiny.parameters(Tiny.configuration(layers: 6))
        let batch = batch(60, entropy: entropy, length: 120)
        let kept = try BatchGradient(parameters, threads: 2)
        let recomputed = try BatchGradient(parameters, threads: 2, activationLimit: 0)
        for _ in 0..<2 {
            #expect(kept.compute(batch).total == recomputed.compute(batch).total)
            #expect(Tiny.bits(kept.gradient) == Tiny.bits(recomputed.gradient))
        }
        #expect(
            recomputed.activationBytes * 2 < kept.activationBytes,
            "\(recomputed.activationBytes) of \(kept.activationBytes) bytes")
    }

    @Test(
        "in bfloat16 the gradient is near that of 32-bit floats, and the same bits with any number of threads",
        arguments: [true, false])
    func bfloat16(tiedHead: Bool) throws {
        let parameters = Tiny.parameters(Tiny.configuration(layers: 2, tied: tiedHead))
        let batch = batch(11, entropy: 0)
        let exact = try BatchGradient(parameters, threads: 1)
        let total = exact.compute(batch).total
        var bits: [UInt32]?
        for threads in [1, 2, 3] {
            let rounded = try BatchGradient(parameters, threads: threads, precision: .bfloat16)
            _ = rounded.compute(batch)
            #expect(abs(rounded.compute(batch).total / total - 1) < 0.01)
            #expect(bits == nil || bits == Tiny.bits(rounded.gradient))
            bits = Tiny.bits(rounded.gradient)
            for i in parameters.specifications.indices {
                let (a, b) = (exact.gradient.elements(of: i), rounded.gradient.elements(of: i))
                let error = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                let size = a.reduce(0) { $0 + $1 * $1 }
                #expect(
                    error <= 4e-4 * size,
                    "\(parameters.specifications[i].specification.role): \(error) of \(size)")
                // Rounding that doesn't happen would pass as well.
                #expect(error > 0)
            }
        }
    }

    @Test(
        "after the first, steps take no further memory for activations",
        arguments: TrainingPrecision.allCases,
        [Float(0), 0.5])
    func memory(precision: TrainingPrecision, entropy: Float) throws {
        let gradient = try BatchGradient(
            Tiny.parameters(Tiny.configuration(layers: 2)), threads: 2, precision: precision)
        let batch = batch(30, entropy: entropy, length: 60)
        _ = gradient.compute(batch)
        let first = gradient.activationBytes
        // What the first took piece by piece is one block from the second on.
        _ = gradient.compute(batch)
        let held = gradient.activationBytes
        for _ in 0..<20 { _ = gradient.compute(batch) }
        #expect(gradient.activationBytes == held && held > 0 && held <= first)
    }

    @Test("batches of other lengths take the memory of the longest", arguments: TrainingPrecision.allCases)
    func otherLengths(precision: TrainingPrecision) throws {
        func held(_ lengths: [Int]) throws -> Int {
            let gradient = try BatchGradient(
                Tiny.parameters(Tiny.configuration(layers: 2)), threads: 2, precision: precision)
            for length in lengths { _ = gradient.compute(batch(8, entropy: 0, length: length)) }
            return gradient.activationBytes
        }
        #expect(try held([40, 57, 31, 60, 44, 59, 38, 60, 41]) == held([60, 60]))
    }

    @Test("a step in bfloat16 uses the parameters as they are then")
    func changedParameters() throws {
        let parameters = Tiny.parameters(Tiny.configuration())
        let gradient = try BatchGradient(parameters, threads: 1, precision: .bfloat16)
        let batch = batch(3, entropy: 0)
        let before = gradient.compute(batch).total
        for i in 0..<parameters.buffer.count { parameters.buffer.pointer[i] *= 1.1 }
        let after = gradient.compute(batch).total
        let fresh = try BatchGradient(parameters, threads: 1, precision: .bfloat16)
        #expect(after != before && after == fresh.compute(batch).total)
    }

    @Test("shards cover every sequence once, in order", arguments: [1, 2, 4, 5, 13, 200])
    func shards(count: Int) {
        let shards = BatchGradient.shards(of: batch(count, entropy: 0, length: 50))
        #expect(shards.flatMap { Array($0) } == Array(0..<count))
        #expect(shards.allSatisfy { !$0.isEmpty })
    }

    @Test("the gradient is that of the reported loss, entropy included")
    func gradientOfReport() throws {
        let parameters = Tiny.parameters(Tiny.configuration())
        let gradient = try BatchGradient(parameters, threads: 2)
        var batch = batch(5, entropy: 0.5)
        // Targets that the model gets right, so that the entropy has rows to be taken over.
        batch = withCorrectTargets(batch, parameters)
        let report = gradient.compute(batch)
        #expect(report.groups[0].correct > 0 && report.groups[0].correct < report.groups[0].rows)
        let analytic = Tiny.elements(gradient.gradient)
        // Along the gradient, where the slope is largest: central difference over the whole step.
        let norm = analytic.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        let step = 1e-4
        func loss(_ sign: Double) -> Double {
            let moved = FlatParameters(zeros: parameters.configuration)
            for i in analytic.indices {
                moved.buffer.pointer[i] =
                    parameters.buffer.pointer[i] + Float(sign * step * Double(analytic[i]) / norm)
            }
            guard let moved = try? BatchGradient(moved, threads: 1).compute(batch) else { return .nan }
            // Where another row turned correct the loss has a jump, and no slope to compare.
            #expect(moved.groups.map(\.correct) == report.groups.map(\.correct))
            return moved.total
        }
        let slope = (loss(1) - loss(-1)) / (2 * step)
        #expect(abs(slope - norm) < 5e-3 * norm, "slope \(slope), norm \(norm)")
    }

    /// Every second target becomes the model's own argmax, provided it is far enough ahead not to change.
    private func withCorrectTargets(_ batch: LossBatch, _ parameters: FlatParameters) -> LossBatch {
        guard let model = try? Transformer(over: parameters) else { return batch }
        var batch = batch
        for (s, sequence) in batch.sequences.enumerated() {
            let logits = model.logits(
                [ForwardInput(tokens: sequence.tokens, attention: sequence.attention)], Workspace())
            for (i, row) in sequence.rows.enumerated() where i % 2 == 0 {
                batch.sequences[s].rows[i].target = Kernels.score(logits.row(row.row)).token
            }
        }
        return batch
    }

    // MARK: Normalisation

    /// Loss terms of each row by a plain forward pass.
    private func rowLosses(_ batch: LossBatch, _ model: Transformer) -> [(row: LossRow, loss: RowLoss)] {
        batch.sequences.flatMap { sequence in
            let logits = model.logits(
                [ForwardInput(tokens: sequence.tokens, attention: sequence.attention)], Workspace())
            return sequence.rows.map {
                ($0, Kernels.rowLoss(logits.row($0.row), target: $0.target, temperature: batch.temperature))
            }
        }
    }

    @Test(
        "a group's cross-entropy is the weighted mean or the weighted sum, its entropy a mean over correct rows"
    )
    func normalization() throws {
        let parameters = Tiny.parameters(Tiny.configuration())
        var batch = withCorrectTargets(batch(6, entropy: 0.5), parameters)
        batch.groups.append(LossGroup("nobody", crossEntropy: 3, entropy: 2))
        let gradient = try BatchGradient(parameters, threads: 1)
        let report = gradient.compute(batch)
        let rows = rowLosses(batch, gradient.transformer)
        var total = 0.0
        for (g, group) in batch.groups.enumerated() {
            let own = rows.filter { $0.row.group == g }
            let sum = own.reduce(0.0) { $0 + Double($1.row.weight) * Double($1.loss.crossEntropy) }
            let weight = own.reduce(0.0) { $0 + Double($1.row.weight) }
            let correct = own.filter(\.loss.isCorrect)
            let crossEntropy =
                own.isEmpty ? 0 : group.normalization == .sum ? sum : sum / weight
            let entropy =
                correct.isEmpty
                ? 0 : correct.reduce(0.0) { $0 + Double($1.loss.entropy) } / Double(correct.count)
            #expect(abs(report.groups[g].crossEntropy - crossEntropy) < 1e-5)
            #expect(abs(report.groups[g].entropy - entropy) < 1e-5)
            #expect(report.groups[g].rows == own.count && report.groups[g].correct == correct.count)
            total += Double(group.crossEntropy) * crossEntropy + Double(group.entropy) * entropy
        }
        #expect(abs(report.total - total) < 1e-5)
        #expect(report.groups[2].rows == 0 && report.groups[2].crossEntropy == 0)
    }

    @Test("the entropy term pulls on correct rows only")
    func entropyOfCorrectRows() throws {
        let parameters = Tiny.parameters(Tiny.configuration())
        let gradient = try BatchGradient(parameters, threads: 1)
        let tokens = Tiny.tokens(6, seed: 1)
        let logits = gradient.transformer.logits([ForwardInput(tokens: tokens)], Workspace())
        let best = (0..<6).map { Kernels.score(logits.row($0)).token }
        func compute(_ targets: [Int32]) -> (LossReport, [UInt32]) {
            let rows = targets.enumerated().map { LossRow(row: $0, target: $1) }
            let report = gradient.compute(
                LossBatch(
                    sequences: [TrainingSequence(tokens: tokens, rows: rows)],
                    groups: [LossGroup("certainty", crossEntropy: 0, entropy: 1)]))
            return (report, Tiny.bits(gradient.gradient))
        }
        let wrong = best.map { ($0 + 1) % 16 }
        let (none, silent) = compute(wrong)
        #expect(none.groups[0].correct == 0 && none.total == 0)
        #expect(silent.allSatisfy { $0 & 0x7FFF_FFFF == 0 })
        let (two, some) = compute([best[0], wrong[1], wrong[2], best[3], wrong[4], wrong[5]])
        #expect(two.groups[0].correct == 2)
        #expect(some.contains { $0 & 0x7FFF_FFFF != 0 })
        let expected = [0, 3].map { Kernels.score(logits.row($0)).entropy }.reduce(0, +) / 2
        #expect(abs(two.total - Double(expected)) < 1e-5)
    }

    @Test("a batch without any row has no loss and no gradient")
    func empty() throws {
        let gradient = try BatchGradient(Tiny.parameters(Tiny.configuration()), threads: 2)
        _ = gradient.compute(batch(3, entropy: 0))
        let report = gradient.compute(
            LossBatch(
                sequences: [TrainingSequence(tokens: [1, 2, 3], rows: [])],
                groups: [LossGroup("none", crossEntropy: 1, entropy: 1)]))
        #expect(report.total == 0)
        #expect(Tiny.bits(gradient.gradient).allSatisfy { $0 == 0 })
        #expect(gradient.compute(LossBatch(sequences: [], groups: [])).total == 0)
    }
}
