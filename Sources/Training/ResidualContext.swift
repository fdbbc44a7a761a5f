internal import Numerics
package import Transformers

/// Training with residual context (RCD, arXiv 2601.22954, algorithm 1; no code is released): a frozen reference predicts the masked
/// tokens, and the student reads, in place of each mask, a mixture of the mask's embedding and the one that the reference expects.
///
/// The loss is 1/t Σ cross-entropy over the masked positions, t the ratio that was masked at. One step only: the student never sees what
/// comes of its own residuals.
package struct ResidualContext: Sendable {
    /// Of the softmax whose entropy gives the share of a residual.
    package var temperature: Double
    /// Whether the gradient flows through the expected embedding into the table, which the paper leaves open.
    package var flows: Bool

    package init(temperature: Double = 1, flows: Bool = true) {
        (self.temperature, self.flows) = (temperature, flows)
    }

    /// A row with some tokens masked.
    package struct Row: Sendable {
        package var tokens: [Int32]
        /// Positions that are masked, ascending.
        package var masked: [Int]
        /// The ratio that they were drawn with.
        package var ratio: Double
        /// What the row's loss is divided by besides: 1 in the paper, tokens of the response in LLaDA's training.
        package var length: Double

        package init(tokens: [Int32], masked: [Int], ratio: Double, length: Double = 1) {
            (self.tokens, self.masked, self.ratio, self.length) = (tokens, masked, ratio, length)
        }

        func noisy(_ mask: Int32) -> [Int32] {
            var noisy = tokens
            for position in masked { noisy[position] = mask }
            return noisy
        }
    }

    /// Draws a ratio for each response and masks its tokens with that probability.
    package func noise(rows: [[Int32]], promptLengths: [Int], _ draws: inout some DrawSource) -> [Row] {
        zip(rows, promptLengths).map { tokens, prompt in
            let ratio = 0.001 + 0.999 * draws.uniform(1)[0]
            let response = prompt..<tokens.count
            let masked = zip(response, draws.uniform(response.count)).filter { $0.1 < ratio }.map(\.0)
            return Row(
                tokens: tokens, masked: masked, ratio: ratio, length: Double(max(1, response.count)))
        }
    }

    /// The student's batch, a mean over rows.
    ///
    /// - Parameters:
    ///   - reference: predicts the masked tokens; of the student's vocabulary.
    ///   - mask: the student's and the reference's mask token.
    package func batch(
        _ rows: [Row], _ model: TransformerConfiguration, reference: Transformer, mask: Int32,
        threads: Int = 1
    ) -> LossBatch {
        let shift = model.logitShift ? 1 : 0
        let referenceShift = reference.configuration.logitShift ? 1 : 0
        // With shifted logits, nothing predicts the first token.
        let known = rows.map { row in row.masked.filter { $0 >= max(shift, referenceShift) } }
        let distributions = reference.distributions(
            zip(rows, known).map { row, positions in (row.noisy(mask), positions.map { $0 - referenceShift })
            },
            threads: threads)
        var next = 0
        let sequences = zip(rows, known).map { row, positions in
            let weight = Float(1 / (row.ratio * row.length * Double(rows.count)))
            var sequence = TrainingSequence(
                tokens: row.noisy(mask),
                rows: positions.map { LossRow(row: $0 - shift, target: row.tokens[$0], weight: weight) })
            sequence.residuals = positions.map { position in
                defer { next += 1 }
                return ResidualRow(
                    row: position, share: share(of: distributions.row(next)), distribution: next, flows: flows
                )
            }
            return sequence
        }
        return LossBatch(
            sequences: sequences, groups: [LossGroup("masked", crossEntropy: 1, normalization: .sum)],
            softTargets: next > 0 ? distributions : nil)
    }

    /// The share of a residual from its distribution, whose logarithms are as good as logits.
    private func share(of distribution: UnsafeBufferPointer<Float>) -> Float {
        let logits = distribution.map { $0 > 0 ? Float(Elementary.log(Double($0))) : -.infinity }
        return logits.withUnsafeBufferPointer { ResidualInput.share(of: $0, temperature: temperature) }
    }
}
