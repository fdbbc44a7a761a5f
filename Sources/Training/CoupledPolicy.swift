internal import Numerics
package import Transformers

/// Coupled GRPO, DiffuCoder's reinforcement learning (arXiv 2506.20639; apple/ml-diffucoder at f735e01, `coupled_grpo.py`): the
/// probability of a completion is estimated from three forwards, two of which mask complementary parts.
///
/// A token's estimate is (l₀ + w·l) / 2: l₀ its log-probability where the whole completion is masked, l that of the forward of the
/// pair that masks it, w one over the share that this forward masks. It is no log-probability, being weighted by up to five.
package struct CoupledPolicy: Sendable {
    /// How far the ratio to the policy that wrote the completions may fall below one before its gradient is cut off.
    package var clipBelow = 0.5
    /// How far it may rise above one.
    package var clipAbove = 0.5
    /// Factor on the divergence from the reference; 0 needs none.
    package var divergenceWeight = 0.01

    package init() {}

    /// A completion with what is drawn and known of it.
    package struct Sample: Sendable {
        package var prompt: [Int32]
        package var completion: [Int32]
        /// Which tokens of the completion count: those up to the first end token.
        package var counts: [Bool]
        /// The completion's reward compared with those of the others of its group.
        package var advantage: Double
        /// Which tokens of the completion the first forward of the pair masks; the second masks the others.
        package var masked: [Bool]
        /// Share of tokens that the first forward of the pair masks, as it was drawn.
        package var ratio: Double
        /// The estimates (``CoupledPolicy/estimates(_:model:mask:threads:)``) of the policy that wrote the completion; nil takes those
        /// of the model as it is.
        package var written: [Double]?
        /// Those of the reference.
        package var reference: [Double]?

        package init(
            prompt: [Int32], completion: [Int32], counts: [Bool], advantage: Double, masked: [Bool],
            ratio: Double
        ) {
            precondition(
                !prompt.isEmpty && counts.count == completion.count && masked.count == completion.count,
                "a completion has a prompt, and a flag for each token")
            (self.prompt, self.completion, self.counts) = (prompt, completion, counts)
            (self.advantage, self.masked, self.ratio) = (advantage, masked, ratio)
        }

        /// Weight of a token's log-probability in the forward of the pair that masks it.
        fileprivate func weight(_ index: Int) -> Double { masked[index] ? 1 / ratio : 1 / (1 - ratio) }
    }

    /// What the loss was.
    package struct Report: Sendable, Hashable {
        package var loss: Double
        /// Mean divergence from the reference over the tokens that count.
        package var divergence: Double
        /// Share of the tokens that count whose gradient is cut off, below and above.
        package var clippedBelow: Double
        package var clippedAbove: Double
    }

    /// Each reward less the mean of the others of its group (leave-one-out).
    ///
    /// - Parameters:
    ///   - size: completions of one prompt, which follow one another.
    ///   - isScaled: whether it is divided by the group's standard deviation.
    package static func advantages(_ rewards: [Double], groupSize size: Int, isScaled: Bool = false)
        -> [Double]
    {
        precondition(size > 1 && rewards.count % size == 0, "a group has several completions")
        return stride(from: 0, to: rewards.count, by: size).flatMap { start -> [Double] in
            let group = rewards[start..<start + size]
            let total = group.reduce(0, +)
            let mean = total / Double(size)
            let variance = group.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(size - 1)
            let scale = isScaled ? 1 / (variance.squareRoot() + 1e-4) : 1
            return group.map { ($0 - (total - $0) / Double(size - 1)) * scale }
        }
    }

    /// The three rows of a sample: all of the completion masked, the first part of the pair, and the second.
    private func rows(_ sample: Sample, mask: Int32) -> [[Int32]] {
        func row(_ isMasked: (Int) -> Bool) -> [Int32] {
            sample.prompt + sample.completion.enumerated().map { isMasked($0) ? mask : $1 }
        }
        return [row { _ in true }, row { sample.masked[$0] }, row { !sample.masked[$0] }]
    }

    /// The estimate of each token of each completion, by the model as it is.
    package func estimates(
        _ samples: [Sample], model: Transformer, mask: Int32, threads: Int = 1
    ) -> [[Double]] {
        let shift = model.configuration.logitShift ? 1 : 0
        var result = samples.map { [Double](repeating: 0, count: $0.completion.count) }
        result.withUnsafeMutableBufferPointer { buffer in
            // Safe: each sample is written by one call of the body.
            nonisolated(unsafe) let out = buffer
            Threads.parallelFor(samples.count, threads: threads) { (index: Int) -> Void in
                let sample = samples[index]
                let start = sample.prompt.count - shift
                let wanted = Array(start..<start + sample.completion.count)
                for (pattern, tokens) in rows(sample, mask: mask).enumerated() {
                    let logits = model.logits([ForwardInput(tokens: tokens, logitRows: wanted)], Workspace())
                    for (place, token) in sample.completion.enumerated() {
                        guard pattern == 0 || sample.masked[place] == (pattern == 1) else { continue }
                        let weight = pattern == 0 ? 1 : sample.weight(place)
                        let loss = Kernels.rowLoss(logits.row(place), target: token, temperature: 1)
                        out[index][place] -= weight / 2 * Double(loss.crossEntropy)
                    }
                }
            }
        }
        return result
    }

    /// The batch whose gradient is that of the loss, and the loss itself.
    ///
    /// The loss depends on the model through the estimates alone, and those through log-probabilities: its gradient is that of
    /// cross-entropies, each weighted by the loss's derivative by its estimate. The cross-entropies' own sum means nothing.
    ///
    /// - Parameter mask: the token that stands for "not decoded yet".
    package func batch(
        _ samples: [Sample], model: Transformer, mask: Int32, threads: Int = 1
    ) -> (batch: LossBatch, report: Report) {
        let current = estimates(samples, model: model, mask: mask, threads: threads)
        let counted = Double(samples.reduce(0) { $0 + $1.counts.count { $0 } })
        let shift = model.configuration.logitShift ? 1 : 0
        var report = Report(loss: 0, divergence: 0, clippedBelow: 0, clippedAbove: 0)
        var sequences: [TrainingSequence] = []
        for (sample, own) in zip(samples, current) {
            var losses: [[LossRow]] = [[], [], []]
            for place in sample.completion.indices where sample.counts[place] {
                let derivative = derivative(sample, place, own[place], &report) / counted
                func add(_ pattern: Int, _ weight: Double) {
                    losses[pattern].append(
                        LossRow(
                            row: sample.prompt.count + place - shift, target: sample.completion[place],
                            weight: Float(-derivative * weight / 2)))
                }
                add(0, 1)
                add(sample.masked[place] ? 1 : 2, sample.weight(place))
            }
            sequences += zip(rows(sample, mask: mask), losses).filter { !$1.isEmpty }.map {
                TrainingSequence(tokens: $0, rows: $1)
            }
        }
        report.loss /= counted
        report.divergence /= counted
        report.clippedBelow /= counted
        report.clippedAbove /= counted
        let groups = [LossGroup("policy", crossEntropy: 1, normalization: .sum)]
        return (LossBatch(sequences: sequences, groups: groups), report)
    }

    /// Adds a token's loss to the report; returns its derivative by the token's estimate.
    private func derivative(
        _ sample: Sample, _ place: Int, _ estimate: Double, _ report: inout Report
    ) -> Double {
        let advantage = sample.advantage
        let ratio = Elementary.exp(estimate - (sample.written?[place] ?? estimate))
        let clipped = min(max(ratio, 1 - clipBelow), 1 + clipAbove)
        report.loss -= min(ratio * advantage, clipped * advantage)
        let isCut = clipped * advantage < ratio * advantage
        if ratio < 1 - clipBelow && advantage < 0 { report.clippedBelow += 1 }
        if ratio > 1 + clipAbove && advantage > 0 { report.clippedAbove += 1 }
        var derivative = isCut ? 0 : -ratio * advantage
        if divergenceWeight != 0, let reference = sample.reference?[place] {
            let quotient = Elementary.exp(reference - estimate)
            let divergence = quotient - (reference - estimate) - 1
            report.divergence += divergence
            report.loss += divergenceWeight * divergence
            derivative += divergenceWeight * (1 - quotient)
        }
        return derivative
    }
}
