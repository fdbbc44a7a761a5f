public import Transformers

/// The distillation loss of d3LLM: (CE + CE of the complement + w · entropy of correct predictions) / 4
/// (`compute_loss` in `d3llm_llada_train.py`; the entropy term is dParallel's certainty forcing).
public struct D3LLMObjective: Sendable {
    /// w, the factor on the entropy.
    public var entropyWeight: Float
    /// Temperature of the softmax that the entropy is taken of.
    public var temperature: Float
    /// Also trains on the complementary mask.
    public var usesComplement: Bool
    /// Takes the entropy of the complementary half as well.
    ///
    /// Upstream: off for LLaDA, on for Dream.
    public var usesComplementEntropy: Bool

    public init(
        entropyWeight: Float = 2, temperature: Float = 0.5, usesComplement: Bool = true,
        usesComplementEntropy: Bool = false
    ) {
        self.entropyWeight = entropyWeight
        self.temperature = temperature
        self.usesComplement = usesComplement
        self.usesComplementEntropy = usesComplementEntropy
    }

    /// The batch of noisy sequences for rows of tokens and their windows.
    public func batch(
        rows: [[Int32]], windows: [TrajectoryMask.Window], _ model: TransformerConfiguration, mask: Int32
    ) -> LossBatch {
        var groups = [LossGroup("masked", crossEntropy: 0.25, entropy: entropyWeight / 4)]
        var sequences = zip(rows, windows).map { sequence($0, $1, model, mask, complement: false) }
        if usesComplement {
            groups.append(
                LossGroup(
                    "complement", crossEntropy: 0.25, entropy: usesComplementEntropy ? entropyWeight / 4 : 0))
            sequences += zip(rows, windows).map { sequence($0, $1, model, mask, complement: true) }
        }
        return LossBatch(sequences: sequences, groups: groups, temperature: temperature)
    }

    private func sequence(
        _ tokens: [Int32], _ window: TrajectoryMask.Window, _ model: TransformerConfiguration, _ mask: Int32,
        complement: Bool
    ) -> TrainingSequence {
        var rows: [LossRow] = []
        for (i, masked) in window.masked.enumerated() where masked != complement {
            let position = window.range.lowerBound + i
            if model.logitShift && position == 0 { continue }
            rows.append(
                LossRow(
                    row: model.logitShift ? position - 1 : position, target: tokens[position],
                    group: complement ? 1 : 0))
        }
        return TrainingSequence(
            tokens: TrajectoryMask.apply(window, to: tokens, mask: mask, complement: complement), rows: rows)
    }
}
