package import Transformers

/// Jacobi Forcing's training (arXiv 2512.14681; hao-ai-lab/JacobiForcing at 028dbd6): the model's own Jacobi states, each beside the
/// text that it came to.
package struct JacobiForcing: Sendable {
    /// Factor on the next-token cross-entropy.
    package var causalWeight: Float = 10
    /// Temperature of both sides of the consistency loss.
    package var temperature: Float = 1

    package init() {}

    /// A text in blocks of equal length, each as it became and as it stood in one of its states.
    package struct Example: Sendable {
        package var prompt: [Int32]
        /// Blocks of the text.
        package var clean: [[Int32]]
        /// The same blocks in a state on the way.
        package var noisy: [[Int32]]

        package init(prompt: [Int32], clean: [[Int32]], noisy: [[Int32]]) {
            precondition(clean.count == noisy.count, "each block has a state")
            (self.prompt, self.clean, self.noisy) = (prompt, clean, noisy)
        }

        /// What stands behind the first end token of the last block becomes padding, in the clean text alone.
        func padded(end: Int32, padding: Int32) -> Example {
            var copy = self
            guard let last = clean.last, let place = last.firstIndex(of: end) else { return copy }
            for index in (place + 1)..<max(place + 1, last.count) {
                copy.clean[clean.count - 1][index] = padding
            }
            return copy
        }
    }

    /// The batch of one example: next tokens of prompt and clean text, and of the noisy text the clean one's distributions from each
    /// block's first wrong token on.
    ///
    /// Two plain causal sequences: a noisy block sees the noisy blocks before it. The consistency loss is a mean over its rows, and
    /// divided by the number of blocks once more, as upstream has it.
    /// - Parameters:
    ///   - model: as it is now; its distributions of the clean text are the targets.
    ///   - end: end token; what a block holds behind it isn't learnt.
    ///   - padding: never a target, nor a row.
    package func batch(
        _ example: Example, model: Transformer, end: Int32, padding: Int32, threads: Int = 1
    ) -> LossBatch {
        let example = example.padded(end: end, padding: padding)
        let prompt = example.prompt.count
        let clean = example.prompt + example.clean.joined()
        let noisy = example.prompt + example.noisy.joined()
        var targets = Array(1..<max(1, prompt))
        var rows: [Int] = []
        var start = prompt
        for (block, state) in zip(example.clean, example.noisy) {
            let last = block.firstIndex(of: end) ?? block.count - 1
            targets += (0...last).map { start + $0 }
            if let wrong = block.indices.first(where: { block[$0] != state[$0] }) {
                rows += (wrong..<block.count).filter { state[$0] != padding }.map { start + $0 }
            }
            start += block.count
        }
        let causal = targets.filter { $0 > 0 && clean[$0] != padding }.map {
            LossRow(row: $0 - 1, target: clean[$0])
        }
        var groups = [LossGroup("autoregressive", crossEntropy: causalWeight)]
        var sequences = [TrainingSequence(tokens: clean, attention: .causal, rows: causal)]
        guard !rows.isEmpty else { return LossBatch(sequences: sequences, groups: groups) }
        let distributions = model.distributions(
            [(clean, rows)], attention: .causal, temperature: temperature, threads: threads)
        let weight = temperature * temperature / Float(example.clean.count)
        groups.append(LossGroup("consistency", crossEntropy: weight))
        sequences.append(
            TrainingSequence(
                tokens: noisy, attention: .causal,
                rows: rows.enumerated().map { index, row in
                    LossRow(
                        row: row, target: clean[min(row + 1, clean.count - 1)], group: 1, softTarget: index)
                }))
        return LossBatch(
            sequences: sequences, groups: groups, temperature: temperature, softTargets: distributions)
    }

    /// Which of a block's states is learnt from: the one whose share of tokens from its first wrong one on is nearest to a ratio.
    ///
    /// Ratios go round from `least` to `most` in `window` even steps, block by block.
    /// - Parameters:
    ///   - states: of each block; the first is the text itself, as upstream records it.
    ///   - texts: of each block, what it came to.
    /// - Returns: an index into the states of each block.
    package static func stateIndices(
        _ states: [[[Int32]]], texts: [[Int32]], window: Int, least: Double, most: Double
    ) -> [Int] {
        zip(states, texts).enumerated().map { index, pair in
            let (states, text) = pair
            let step = window > 1 ? (most - least) / Double(window - 1) : 0
            let ratio = least + Double(index % window) * step
            let distances = states.map { state -> Double in
                let wrong = text.indices.first { state[$0] != text[$0] } ?? text.count
                return abs(Double(text.count - wrong) / Double(text.count) - ratio)
            }
            return distances.indices.min { distances[$0] < distances[$1] } ?? 0
        }
    }
}
