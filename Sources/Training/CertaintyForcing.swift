public import Transformers

/// dParallel's distillation loss: CE + CE of the complement + w · (entropy + entropy of the complement), entropies over
/// right predictions only, on a random mask without any trajectory (`dParallel`, "certainty-forcing distillation").
public struct CertaintyForcing: Sendable {
    /// How the mask of several rows is drawn.
    public enum MaskDraws: String, Sendable, CaseIterable {
        /// As the released code: the draw of row i has the shape of the whole batch and overwrites the columns of its
        /// block in *every* row, and only the last row has what is behind its block masked.
        case faithful
        /// Each row has its own draw in its own block, and what is behind the block is masked.
        case corrected
    }

    /// The factor w on both entropies.
    ///
    /// Upstream: 2 for LLaDA, 1 for Dream.
    public var entropyWeight: Float
    /// Temperature of the softmax that the entropies are taken of.
    public var temperature: Float
    /// Length of the block that is masked; nil masks the whole response, as the code for Dream does.
    public var blockLength: Int?
    /// Share of the block that is masked.
    public var ratio: Double
    public var maskDraws: MaskDraws

    public init(
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
    public func batch(
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
