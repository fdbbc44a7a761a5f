package import Numerics
package import Transformers

/// D2F's distillation: a student with block-causal attention learns from a teacher that sees everything
/// (Discrete Diffusion Forcing, arXiv 2508.09192).
///
/// Blocks of one response are masked at rising rates; the loss is the mean over masked positions of the cross-entropy,
/// against the teacher's distribution on the same noisy input or against the tokens, divided by the rate.
package struct AsymmetricDistillation: Sendable {
    package var blockLength: Int

    package init(blockLength: Int) {
        precondition(blockLength > 0, "a block has at least one token")
        self.blockLength = blockLength
    }

    /// Masked rows of a batch.
    package struct Noise: Sendable {
        /// The rows with their masked positions replaced.
        package var tokens: [[Int32]]
        package var masked: [[Bool]]
        /// Mask rate of each position; 0 in the prompt.
        package var rates: [[Double]]
    }

    /// Draws the mask rates, block by block, and the masks.
    ///
    /// The first block's rate is u/2 + 0.2; each further one adds u · (0.7 − first) / (blocks − 1), with as many blocks
    /// as the longest response has.
    package func noise(
        rows: [[Int32]], promptLengths: [Int], mask: Int32, _ draws: inout some DrawSource
    ) -> Noise {
        let blocks = zip(rows, promptLengths).map { blockRanges(length: $0.count, promptLength: $1) }
        let most = blocks.map(\.count).max() ?? 0
        let first = draws.uniform(rows.count).map { $0 / 2 + 0.2 }
        let rises = draws.uniform(rows.count * max(0, most - 1))
        var noise = Noise(
            tokens: rows, masked: rows.map { $0.map { _ in false } }, rates: rows.map { $0.map { _ in 0 } })
        for row in rows.indices {
            var rate = first[row]
            for (b, range) in blocks[row].enumerated() {
                if b > 0 { rate += rises[row * (most - 1) + b - 1] * (0.7 - first[row]) / Double(most - 1) }
                for (position, draw) in zip(range, draws.uniform(range.count)) {
                    noise.rates[row][position] = rate
                    if draw < rate {
                        noise.masked[row][position] = true
                        noise.tokens[row][position] = mask
                    }
                }
            }
        }
        return noise
    }

    /// The teacher's distributions at the masked positions, in order of rows and positions (masked × V).
    package func teacherDistributions(_ noise: Noise, teacher: Transformer, threads: Int = 1) -> Matrix {
        let shift = teacher.configuration.logitShift ? 1 : 0
        return teacher.distributions(
            noise.masked.indices.map { row in
                (noise.tokens[row], positions(noise.masked[row], shift).map { $0 - shift })
            }, threads: threads)
    }

    /// The student's batch.
    ///
    /// - Parameter teacher: what ``teacherDistributions(_:teacher:)`` gave; nil trains on the tokens.
    package func batch(
        rows: [[Int32]], promptLengths: [Int], _ noise: Noise, _ model: TransformerConfiguration,
        teacher: Matrix?
    ) -> LossBatch {
        let shift = model.logitShift ? 1 : 0
        let count = noise.masked.reduce(0) { $0 + positions($1, shift).count }
        var next = 0
        let sequences = rows.indices.map { row -> TrainingSequence in
            let lossRows = positions(noise.masked[row], shift).map { position -> LossRow in
                defer { next += 1 }
                return LossRow(
                    row: position - shift, target: rows[row][position],
                    weight: Float(1 / (noise.rates[row][position] * Double(count))),
                    softTarget: teacher == nil ? nil : next)
            }
            return TrainingSequence(
                tokens: noise.tokens[row],
                attention: .blockCausal(promptLength: promptLengths[row], blockLength: blockLength),
                rows: lossRows)
        }
        return LossBatch(
            sequences: sequences, groups: [LossGroup("masked", crossEntropy: 1, normalization: .sum)],
            softTargets: teacher)
    }

    private func positions(_ masked: [Bool], _ shift: Int) -> [Int] {
        masked.indices.filter { masked[$0] && $0 >= shift }
    }

    private func blockRanges(length: Int, promptLength: Int) -> [Range<Int>] {
        stride(from: min(promptLength, length), to: length, by: blockLength).map {
            $0..<min($0 + blockLength, length)
        }
    }
}
