package import Transformers

/// The distillation loss of d3LLM: (CE + CE of the complement + w · entropy of correct predictions) / 4
/// (`compute_loss` in `d3llm_llada_train.py`; the entropy term is dParallel's certainty forcing).
package struct D3LLMObjective: Sendable {
    /// w, the factor on the entropy.
    package var entropyWeight: Float
    /// Temperature of the softmax that the entropy is taken of.
    package var temperature: Float
    /// Also trains on the complementary mask.
    package var usesComplement: Bool
    /// Takes the entropy of the complementary half as well.
    ///
    /// Upstream: off for LLaDA, on for Dream.
    package var usesComplementEntropy: Bool

    package init(
        entropyWeight: Float = 2, temperature: Float = 0.5, usesComplement: Bool = true,
        usesComplementEntropy: Bool = false
    ) {
        self.entropyWeight = entropyWeight
        self.temperature = temperature
        self.usesComplement = usesComplement
        self.usesComplementEntropy = usesComplementEntropy
    }

    /// The batch of noisy sequences for rows of tokens and their windows.
    package func batch(
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

/// dParallel's distillation loss: CE + CE of the complement + w · (entropy + entropy of the complement), entropies over
/// right predictions only, on a random mask without any trajectory (`dParallel`, "certainty-forcing distillation").
package struct CertaintyForcing: Sendable {
    /// How the mask of several rows is drawn.
    package enum MaskDraws: String, Sendable, CaseIterable {
        /// As the released code: the draw of row i has the shape of the whole batch and overwrites the columns of its
        /// block in *every* row, and only the last row has what is behind its block masked.
        case faithful
        /// Each row has its own draw in its own block, and what is behind the block is masked.
        case corrected
    }

    /// The factor w on both entropies.
    ///
    /// Upstream: 2 for LLaDA, 1 for Dream.
    package var entropyWeight: Float
    /// Temperature of the softmax that the entropies are taken of.
    package var temperature: Float
    /// Length of the block that is masked; nil masks the whole response, as the code for Dream does.
    package var blockLength: Int?
    /// Share of the block that is masked.
    package var ratio: Double
    package var maskDraws: MaskDraws

    package init(
        entropyWeight: Float = 2, temperature: Float = 0.5, blockLength: Int? = 32, ratio: Double = 0.5,
        maskDraws: MaskDraws = .faithful
    ) {
        precondition(blockLength.map { $0 > 0 } ?? true, "a block has at least one token")
        self.entropyWeight = entropyWeight
        self.temperature = temperature
        self.blockLength = blockLength
        self.ratio = ratio
        self.maskDraws = maskDraws
    }

    /// The batch for rows of tokens of one length, each with its prompt length.
    package func batch(
        rows: [[Int32]], promptLengths: [Int], _ model: TransformerConfiguration, mask: Int32,
        _ draws: inout some DrawSource
    ) -> LossBatch {
        let length = rows.first?.count ?? 0
        precondition(rows.allSatisfy { $0.count == length }, "the rows of a batch have one length")
        precondition(promptLengths.count == rows.count, "one prompt length per row")
        let noise = noise(promptLengths: promptLengths, length: length, &draws)
        let halves = [noise.masked, noise.complement].enumerated().flatMap { group, masks in
            zip(zip(rows, masks), noise.futureStart).map { pair, future in
                sequence(pair.0, masked: pair.1, futureStart: future, model, mask: mask, group: group)
            }
        }
        return LossBatch(
            sequences: halves,
            groups: [
                LossGroup("masked", crossEntropy: 1, entropy: entropyWeight),
                LossGroup("complement", crossEntropy: 1, entropy: entropyWeight),
            ], temperature: temperature)
    }

    /// Masks of the batch (rows × length) and the position from which each row is masked whatever they say.
    private struct Noise {
        var masked: [[Bool]]
        var complement: [[Bool]]
        var futureStart: [Int]
    }

    private func noise(promptLengths: [Int], length: Int, _ draws: inout some DrawSource) -> Noise {
        let none = [[Bool]](repeating: [Bool](repeating: false, count: length), count: promptLengths.count)
        var noise = Noise(
            masked: none, complement: none, futureStart: promptLengths.map { _ in length })
        let probability = (1 - 1e-3) * ratio + 1e-3
        for row in promptLengths.indices {
            let range = block(promptLength: promptLengths[row], length: length, &draws)
            let drawn = maskDraws == .faithful ? Array(promptLengths.indices) : [row]
            let values = draws.uniform(drawn.count * range.count)
            for (i, target) in drawn.enumerated() {
                for (j, position) in range.enumerated() {
                    let isMasked = values[i * range.count + j] < probability
                    noise.masked[target][position] = isMasked
                    noise.complement[target][position] = !isMasked
                }
            }
            if maskDraws == .corrected || row == promptLengths.count - 1 {
                noise.futureStart[row] = range.upperBound
            }
        }
        return noise
    }

    private func block(promptLength: Int, length: Int, _ draws: inout some DrawSource) -> Range<Int> {
        guard let blockLength else { return min(promptLength, length)..<length }
        let last = max(0, length - promptLength) / blockLength
        let n = draws.integer(0, last)
        let start = min(promptLength + n * blockLength, length)
        return start..<(n == last ? length : min(start + blockLength, length))
    }

    private func sequence(
        _ tokens: [Int32], masked: [Bool], futureStart: Int, _ model: TransformerConfiguration, mask: Int32,
        group: Int
    ) -> TrainingSequence {
        var noisy = tokens
        var rows: [LossRow] = []
        let shift = model.logitShift ? 1 : 0
        for position in tokens.indices {
            if masked[position] || position >= futureStart { noisy[position] = mask }
            if masked[position], position >= shift {
                rows.append(LossRow(row: position - shift, target: tokens[position], group: group))
            }
        }
        return TrainingSequence(tokens: noisy, rows: rows)
    }
}

/// How the mask ratio and the window grow while a student is distilled (paper, "curriculum noise" and
/// "curriculum window"; `d3llm_llada_train.py`).
package enum Curriculum {
    /// Lower bound of the mask ratio at a step; the ratio itself is drawn from [bound, maximum).
    ///
    /// The paper states that the ratio grows; the released code draws it between a growing bound and the
    /// maximum, so that early steps already see high ratios. This is the code's rule.
    package static func ratioLowerBound(
        step: Int, of steps: Int, minimum: Double, maximum: Double
    ) -> Double {
        guard steps > 0 else { return minimum }
        return minimum + min(Double(step) / Double(steps), 1) * (maximum - minimum)
    }

    /// Window length at a (fractional) epoch: linear between `sizes[floor(epoch)]` and the next entry, the last
    /// entry constant, truncated to whole tokens.
    package static func windowLength(_ sizes: [Int], epoch: Double?) -> Int {
        precondition(!sizes.isEmpty, "a window curriculum needs at least one length")
        guard let epoch, epoch > 0 else { return sizes[0] }
        let index = Int(epoch.rounded(.down))
        guard index < sizes.count - 1 else { return sizes[sizes.count - 1] }
        let (low, high) = (Double(sizes[index]), Double(sizes[index + 1]))
        return Int(low + (epoch - Double(index)) * (high - low))
    }
}
