internal import Transformers

/// A row to learn from, with the positions that count.
package struct MarkedRow: Sendable {
    package var tokens: [Int32]
    /// Whether a position may be masked and is a target then, as labels that aren't −100 say upstream.
    package var isTarget: [Bool]

    package init(tokens: [Int32], isTarget: [Bool]) {
        precondition(tokens.count == isTarget.count, "each token is a target or not")
        (self.tokens, self.isTarget) = (tokens, isTarget)
    }

    /// An example whose response is learnt.
    init(_ example: TrainingExample) {
        self.init(
            tokens: example.tokens,
            isTarget: example.prompt.map { _ in false } + example.response.indices.map(example.isLearnt))
    }

    /// The row with masks where `masked` says so.
    func masking(_ masked: [Bool], with mask: Int32) -> [Int32] {
        zip(tokens, masked).map { $1 ? mask : $0 }
    }
}

extension TrainingSequence {
    /// A clean stream and a noisy one that sees the clean blocks before its own.
    ///
    /// - Parameters:
    ///   - geometry: where the streams' rows are and what they see.
    ///   - clean: losses of clean rows, by their position.
    ///   - noisy: losses of noisy rows, by their position.
    init(
        clean tokens: [Int32], noisy noisyTokens: [Int32], _ geometry: RowGeometry, clean: [LossRow] = [],
        noisy: [LossRow]
    ) {
        let moved = noisy.map { row -> LossRow in
            var row = row
            row.row += tokens.count
            return row
        }
        self.init(tokens: tokens + noisyTokens, geometry: geometry, rows: clean + moved)
    }
}

extension TrainingSequence {
    /// The same with the losses of noisy tokens by their position, whichever row predicts them.
    ///
    /// - Parameters:
    ///   - losses: with a token's position as the row.
    ///   - isShifted: whether rows predict the next token.
    ///   - begins: whether what stands before a position is clean when that is decoded, so that the clean row before it predicts it.
    init(
        clean tokens: [Int32], noisy noisyTokens: [Int32], _ geometry: RowGeometry, losses: [LossRow],
        isShifted: Bool, begins: (Int) -> Bool
    ) {
        guard isShifted else {
            self.init(clean: tokens, noisy: noisyTokens, geometry, noisy: losses)
            return
        }
        // Nothing stands before the first token, so nothing predicts it.
        let moved = losses.filter { $0.row > 0 }.map { loss -> (isClean: Bool, row: LossRow) in
            var row = loss
            row.row -= 1
            return (begins(loss.row), row)
        }
        self.init(
            clean: tokens, noisy: noisyTokens, geometry, clean: moved.filter(\.isClean).map(\.row),
            noisy: moved.filter { !$0.isClean }.map(\.row))
    }
}

/// Fast-dLLM v2's objective (arXiv 2509.26328, section 3; `modeling.py` of the checkpoints, 579–640): each block is masked at a
/// ratio of its own, once as drawn and once the other way round, beside the clean row.
///
/// Row p − 1 of the noisy stream predicts token p, across blocks as well; position 0 is never a target. There is no weight
/// for the ratio. A token that is the mask token counts as masked in both views, as upstream has it.
package struct ComplementaryBlocks: Sendable {
    /// Tokens per block.
    package var blockLength: Int
    /// The smallest ratio.
    package var least = 1e-3
    /// Whether the row before a token predicts it, as upstream has it, or its own.
    package var isShifted = true

    package init(blockLength: Int) { self.blockLength = blockLength }

    /// - Parameters:
    ///   - rows: the last block of a row may be shorter; upstream's are whole.
    ///   - draws: first a number for every block of all rows, then one for every token.
    ///   - divisor: what the sum of cross-entropies is divided by; nil for the number of targets.
    package func batch(
        _ rows: [MarkedRow], mask: Int32, divisor: Int? = nil, _ draws: inout some DrawSource
    ) -> LossBatch {
        let counts = rows.map { ($0.tokens.count + blockLength - 1) / blockLength }
        let times = draws.uniform(counts.reduce(0, +))
        var block = 0
        var views: (drawn: [[Bool]], others: [[Bool]]) = ([], [])
        for (row, count) in zip(rows, counts) {
            var masked: [Bool] = []
            for _ in 0..<count {
                let ratio = (1 - least) * times[block] + least
                let length = min(blockLength, row.tokens.count - masked.count)
                masked += draws.uniform(length).map { $0 < ratio }
                block += 1
            }
            views.drawn.append(zip(masked, row.isTarget).map { $0 && $1 })
            views.others.append(zip(masked, row.isTarget).map { !$0 && $1 })
        }
        let sequences = [views.drawn, views.others].flatMap { view in
            zip(rows, view).map { sequence($0, masked: $1, mask: mask) }
        }
        let group =
            divisor.map { LossGroup("masked", crossEntropy: 1 / Float($0), normalization: .sum) }
            ?? LossGroup("masked", crossEntropy: 1)
        return LossBatch(sequences: sequences, groups: [group])
    }

    private func sequence(_ row: MarkedRow, masked: [Bool], mask: Int32) -> TrainingSequence {
        let noisy = row.masking(masked, with: mask)
        let shift = isShifted ? 1 : 0
        let targets = noisy.indices.dropFirst(shift).filter { noisy[$0] == mask && row.isTarget[$0] }
        return TrainingSequence(
            clean: row.tokens, noisy: noisy,
            .twoStreams(length: row.tokens.count, blockLength: blockLength),
            noisy: targets.map { LossRow(row: $0 - shift, target: row.tokens[$0]) })
    }
}

/// NBDiff's objective (arXiv 2512.06776, equations 1 to 5 and figure 4; no training code is released): the noisy blocks predict
/// their masked tokens, and the clean row, which is causal, predicts every next token.
///
/// Total = mean over masked tokens + weight · mean over next tokens; both are shifted by one.
package struct NextBlockObjective: Sendable {
    package var blockLength: Int
    /// Weight of the autoregressive loss, λ.
    package var causalWeight: Float
    /// Whether the noisy row before a token predicts it, as in the paper, or its own.
    package var isShifted = true

    package init(blockLength: Int, causalWeight: Float = 0.5) {
        (self.blockLength, self.causalWeight) = (blockLength, causalWeight)
    }

    /// - Parameters:
    ///   - masked: of each row, which positions are masked; the first never is.
    ///   - targets: of each row, which tokens the clean row learns; nil for all, as in the paper.
    package func batch(
        _ rows: [[Int32]], masked: [[Bool]], targets: [[Bool]]? = nil, mask: Int32
    ) -> LossBatch {
        let shift = isShifted ? 1 : 0
        let sequences = rows.indices.map { index in
            let (tokens, masked) = (rows[index], masked[index])
            return TrainingSequence(
                clean: tokens, noisy: zip(tokens, masked).map { $1 ? mask : $0 },
                .twoStreams(length: tokens.count, blockLength: blockLength, isCausal: true),
                clean: tokens.indices.dropFirst().filter { targets?[index][$0] ?? true }.map {
                    LossRow(row: $0 - 1, target: tokens[$0], group: 1)
                },
                noisy: tokens.indices.dropFirst(shift).filter { masked[$0] }.map {
                    LossRow(row: $0 - shift, target: tokens[$0])
                })
        }
        return LossBatch(
            sequences: sequences,
            groups: [
                LossGroup("masked", crossEntropy: 1), LossGroup("autoregressive", crossEntropy: causalWeight),
            ])
    }
}

/// SDAR's fine-tuning objective (arXiv 2510.06303; `modeling_sdar.py`, 155–283 and 1069–1195): a ratio for each text, noisy blocks
/// beside the clean text, cross-entropy over the ratio.
///
/// Texts that are packed into a row don't see one another, so that each is a sequence of its own here. Rows aren't shifted, as
/// SDAR's models aren't; of one whose are, the row before a token predicts it, that of the clean text at a block's start.
package struct BlockwiseRatioObjective: Sendable {
    package var blockLength: Int
    package var least = 1e-3
    /// Whether the model's rows predict the next token.
    package var isShifted = false

    package init(blockLength: Int) { self.blockLength = blockLength }

    /// How often a row is drawn again that has nothing masked.
    private static let attempts = 10

    /// - Parameters:
    ///   - rows: texts that are packed into a row each; a row's draws are a number for each text, then one for every token,
    ///     and the same again where nothing is masked.
    ///   - mask: the mask token.
    package func batch(
        _ rows: [[MarkedRow]], mask: Int32, _ draws: inout some DrawSource
    ) -> LossBatch {
        let answers = rows.joined().reduce(0) { $0 + $1.isTarget.count { $0 } }
        var sequences: [TrainingSequence] = []
        for row in rows {
            let (ratios, masked) = noise(row, &draws)
            for (text, (ratio, masked)) in zip(row, zip(ratios, masked)) {
                let weight = Float(1 / (ratio * Double(max(1, answers))))
                let losses = masked.indices.filter { masked[$0] }.map {
                    LossRow(row: $0, target: text.tokens[$0], weight: weight)
                }
                sequences.append(
                    TrainingSequence(
                        clean: text.tokens, noisy: text.masking(masked, with: mask),
                        .twoStreams(length: text.tokens.count, blockLength: blockLength),
                        losses: losses, isShifted: isShifted
                    ) { $0 % blockLength == 0 })
            }
        }
        return LossBatch(
            sequences: sequences, groups: [LossGroup("masked", crossEntropy: 1, normalization: .sum)])
    }

    private func noise(
        _ row: [MarkedRow], _ draws: inout some DrawSource
    ) -> (ratios: [Double], masked: [[Bool]]) {
        let length = row.reduce(0) { $0 + $1.tokens.count }
        var found: (ratios: [Double], masked: [[Bool]]) = ([], [])
        for _ in 0..<Self.attempts {
            found.ratios = draws.uniform(row.count).map { (1 - least) * $0 + least }
            let numbers = draws.uniform(length)
            var start = 0
            found.masked = zip(row, found.ratios).map { text, ratio in
                defer { start += text.tokens.count }
                return text.isTarget.indices.map { text.isTarget[$0] && numbers[start + $0] < ratio }
            }
            if found.masked.contains(where: { $0.contains(true) }) { return found }
        }
        let places = row.indices.flatMap { text in
            row[text].isTarget.indices.filter { row[text].isTarget[$0] }.map { (text, $0) }
        }
        guard !places.isEmpty else { return found }
        let (text, position) = places[draws.integer(0, places.count - 1)]
        found.masked[text][position] = true
        return found
    }
}

/// dLLM-Var's objective (arXiv 2510.24605; `dataset.py` and `trainer.py` of maomaocun/dLLM-Var at 4026b46): one ratio for each row,
/// every end token masked, the mean cross-entropy of what is masked.
///
/// Several dialogues may stand in one row, all of them visible to one another. Rows aren't shifted, and there is no weight for
/// the ratio.
package struct EndTokenObjective: Sendable {
    /// The ratios' range.
    package var ratios: ClosedRange<Double>
    /// Tokens that are always masked where they are targets.
    package var endTokens: Set<Int32>
    /// Whether the model's rows predict the next token; LLaDA's don't.
    package var isShifted = false

    package init(ratios: ClosedRange<Double> = 0.1...0.9, endTokens: Set<Int32>) {
        (self.ratios, self.endTokens) = (ratios, endTokens)
    }

    /// - Parameter draws: a number for each row, then one for every token.
    package func batch(_ rows: [MarkedRow], mask: Int32, _ draws: inout some DrawSource) -> LossBatch {
        let times = draws.uniform(rows.count)
        let shift = isShifted ? 1 : 0
        let sequences = zip(rows, times).map { row, time -> TrainingSequence in
            let ratio = ratios.lowerBound + (ratios.upperBound - ratios.lowerBound) * time
            let numbers = draws.uniform(row.tokens.count)
            let masked = row.tokens.indices.map {
                row.isTarget[$0] && (numbers[$0] < ratio || endTokens.contains(row.tokens[$0]))
            }
            return TrainingSequence(
                tokens: row.masking(masked, with: mask),
                rows: masked.indices.filter { masked[$0] && $0 >= shift }.map {
                    LossRow(row: $0 - shift, target: row.tokens[$0])
                })
        }
        return LossBatch(sequences: sequences, groups: [LossGroup("masked", crossEntropy: 1)])
    }
}
