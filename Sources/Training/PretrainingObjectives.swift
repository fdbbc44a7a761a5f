internal import Numerics
package import Transformers

/// One kind of row in a pretraining batch; a phase mixes several.
package enum PretrainingObjective: String, Sendable, CaseIterable {
    /// Causal next-token prediction on the response.
    case autoregressive
    /// Clean prefix, one window masked at a ratio t ~ U(0, 1), everything behind it masked; loss inside the
    /// window: what block-wise decoding meets.
    case maskedWindow = "masked-window"
    /// The whole response masked at a ratio t ~ U(0, 1), unweighted cross-entropy.
    case maskedUniform = "masked-uniform"
    /// LLaDA's SFT loss: the whole response masked at t, cross-entropy / t / response length, t stratified over
    /// the rows of the batch.
    case llada
    /// Fast-dLLM v2's: blocks masked at a ratio each, once as drawn and once the other way round, beside the clean row.
    case complementaryBlocks = "complementary-blocks"
    /// NBDiff's: masked blocks beside a causal clean row, which predicts every next token.
    case nextBlock = "next-block"
    /// SDAR's: one ratio for a row, masked blocks beside the clean row, cross-entropy over the ratio.
    case blockRatio = "block-ratio"
    /// MultiTF's: groups of blocks that are masked more and more, beside the clean row.
    case multiBlock = "multi-block"
    /// dLLM-Var's: one ratio for a row, and every end token masked.
    case endToken = "end-token"

    /// Whether its rows are two streams, in which a token sees the blocks up to its own.
    package var hasBlocks: Bool {
        switch self {
        case .complementaryBlocks, .nextBlock, .blockRatio, .multiBlock: true
        case .autoregressive, .maskedWindow, .maskedUniform, .llada, .endToken: false
        }
    }

    /// Rows of logits that a row's loss looks at on the mean, of a response of so many tokens.
    package func meanLossRows(response: Double, windowLength: Int) -> Double {
        switch self {
        case .autoregressive, .complementaryBlocks: response
        case .maskedWindow: min(response, Double(windowLength)) / 2
        case .nextBlock: 1.5 * response
        case .maskedUniform, .llada, .blockRatio, .multiBlock, .endToken: response / 2
        }
    }

    /// Sequences that a row makes, in rows' tokens: two views of two streams, or one.
    package var streams: Int { self == .complementaryBlocks ? 4 : hasBlocks ? 2 : 1 }
}

/// How many rows of a batch follow one objective, and their weight in the loss.
package struct PretrainingShare: Sendable {
    package var objective: PretrainingObjective
    package var rows: Int
    package var weight: Float

    package init(_ objective: PretrainingObjective, rows: Int, weight: Float) {
        self.objective = objective
        self.rows = rows
        self.weight = weight
    }
}

/// Builds pretraining batches from examples.
package struct PretrainingBatcher: Sendable {
    package var shares: [PretrainingShare]
    /// Length of the window of ``PretrainingObjective/maskedWindow``.
    package var windowLength: Int
    /// Weight of the padding behind the first end token in the autoregressive loss.
    package var paddingWeight: Float
    package var maskToken: Int32
    /// Tokens per block of objectives with blocks.
    package var blockLength: Int
    /// Blocks of a group of ``PretrainingObjective/multiBlock`` at most.
    package var groupSize: Int

    package init(
        shares: [PretrainingShare], windowLength: Int, paddingWeight: Float, maskToken: Int32,
        blockLength: Int = 8, groupSize: Int = 4
    ) {
        (self.blockLength, self.groupSize) = (blockLength, groupSize)
        self.shares = shares
        self.windowLength = windowLength
        self.paddingWeight = paddingWeight
        self.maskToken = maskToken
    }

    /// Rows of a batch.
    package var batchSize: Int { shares.reduce(0) { $0 + $1.rows } }

    /// The batch of ``batchSize`` examples, shares in order.
    package func batch(
        _ examples: [TrainingExample], _ model: TransformerConfiguration, _ draws: inout some DrawSource
    ) -> LossBatch {
        precondition(examples.count == batchSize, "\(examples.count) examples for \(batchSize) rows")
        var sequences: [TrainingSequence] = []
        var groups: [LossGroup] = []
        var next = 0
        for share in shares {
            let group = groups.count
            let own = examples[next..<next + share.rows].map(MarkedRow.init)
            if let part = whole(share.objective, own, model, &draws) {
                next += share.rows
                for sequence in part.sequences {
                    var sequence = sequence
                    for index in sequence.rows.indices { sequence.rows[index].group += group }
                    sequences.append(sequence)
                }
                for var own in part.groups {
                    own.crossEntropy *= share.weight
                    groups.append(own)
                }
                continue
            }
            let offset = draws.uniform(1)[0]
            for row in 0..<share.rows {
                let example = examples[next]
                next += 1
                switch share.objective {
                case .autoregressive: sequences.append(autoregressive(example, model, group))
                case .maskedWindow: sequences.append(window(example, model, group, &draws))
                case .maskedUniform:
                    sequences.append(
                        uniform(example, model, group, ratio: draws.uniform(1)[0], inverse: false, 1, &draws))
                case .llada:
                    let t = (Double(row) + offset) / Double(share.rows)
                    let scale = 1 / Float(example.learntCount * share.rows)
                    sequences.append(
                        uniform(
                            example, model, group, ratio: (1 - 1e-3) * t + 1e-3, inverse: true, scale, &draws)
                    )
                // Made as a whole above.
                case .complementaryBlocks, .nextBlock, .blockRatio, .multiBlock, .endToken: break
                }
            }
            groups.append(
                LossGroup(
                    share.objective.rawValue, crossEntropy: share.weight,
                    normalization: share.objective == .llada ? .sum : .weightedMean))
        }
        return LossBatch(sequences: sequences, groups: groups)
    }

    /// The batch of a share whose objective makes one of all its rows; nil where it makes them one by one.
    private func whole(
        _ objective: PretrainingObjective, _ rows: [MarkedRow], _ model: TransformerConfiguration,
        _ draws: inout some DrawSource
    ) -> LossBatch? {
        let isShifted = model.logitShift
        switch objective {
        case .complementaryBlocks:
            var objective = ComplementaryBlocks(blockLength: blockLength)
            objective.isShifted = isShifted
            return objective.batch(rows, mask: maskToken, &draws)
        case .nextBlock:
            let masked = rows.map { row in
                let ratio = draws.uniform(1)[0]
                let numbers = draws.uniform(row.tokens.count)
                return row.tokens.indices.map { row.isTarget[$0] && numbers[$0] < ratio }
            }
            var objective = NextBlockObjective(blockLength: blockLength)
            objective.isShifted = isShifted
            return objective.batch(
                rows.map(\.tokens), masked: masked, targets: rows.map(\.isTarget), mask: maskToken)
        case .blockRatio:
            var objective = BlockwiseRatioObjective(blockLength: blockLength)
            objective.isShifted = isShifted
            return objective.batch(rows.map { [$0] }, mask: maskToken, &draws)
        case .multiBlock:
            var objective = MultiTeacherForcing(blockLength: blockLength, groupSize: groupSize)
            (objective.coversAll, objective.randomLayouts) = (false, 1)
            (objective.hidesPrompt, objective.isShifted) = (false, isShifted)
            return objective.batch(rows, mask: maskToken, &draws)
        case .endToken:
            let ends = [model.endToken].compactMap { $0 } + model.furtherEndTokens
            var objective = EndTokenObjective(endTokens: Set(ends))
            objective.isShifted = isShifted
            return objective.batch(rows, mask: maskToken, &draws)
        case .autoregressive, .maskedWindow, .maskedUniform, .llada: return nil
        }
    }

    private func autoregressive(
        _ example: TrainingExample, _ model: TransformerConfiguration, _ group: Int
    ) -> TrainingSequence {
        // The last response token predicts nothing, so it need not be forwarded.
        let rows = example.response.indices.compactMap { i -> LossRow? in
            // Nothing stands before the first token, so nothing predicts it.
            let row = example.prompt.count + i - 1
            guard row >= 0, example.isLearnt(i) else { return nil }
            return LossRow(
                row: row, target: example.response[i], group: group,
                weight: i < example.responseLength ? 1 : paddingWeight)
        }
        return TrainingSequence(tokens: Array(example.tokens.dropLast()), attention: .causal, rows: rows)
    }

    private func window(
        _ example: TrainingExample, _ model: TransformerConfiguration, _ group: Int,
        _ draws: inout some DrawSource
    ) -> TrainingSequence {
        let blocks = (example.response.count + windowLength - 1) / windowLength
        let start = draws.integer(0, blocks - 1) * windowLength
        let end = min(start + windowLength, example.response.count)
        let ratio = draws.uniform(1)[0]
        var masked = draws.uniform(end - start).map { $0 < ratio }
        if !masked.contains(true) { masked[draws.integer(0, end - start - 1)] = true }
        var tokens = example.tokens
        var rows: [LossRow] = []
        for i in start..<example.response.count
        where example.isLearnt(i) && (i >= end || masked[i - start]) {
            let position = example.prompt.count + i
            tokens[position] = maskToken
            if i < end { rows += row(position, example.response[i], model, group, 1) }
        }
        return TrainingSequence(tokens: tokens, rows: rows)
    }

    private func uniform(
        _ example: TrainingExample, _ model: TransformerConfiguration, _ group: Int, ratio: Double,
        inverse: Bool, _ scale: Float, _ draws: inout some DrawSource
    ) -> TrainingSequence {
        var tokens = example.tokens
        var rows: [LossRow] = []
        for (i, draw) in draws.uniform(example.response.count).enumerated()
        where draw < ratio && example.isLearnt(i) {
            let position = example.prompt.count + i
            tokens[position] = maskToken
            let weight = inverse ? scale / Float(ratio) : scale
            rows += row(position, example.response[i], model, group, weight)
        }
        return TrainingSequence(tokens: tokens, rows: rows)
    }

    /// The row that predicts the token at `position`; none for the first token of a model with shifted logits.
    private func row(
        _ position: Int, _ target: Int32, _ model: TransformerConfiguration, _ group: Int, _ weight: Float
    ) -> [LossRow] {
        let row = model.logitShift ? position - 1 : position
        return row < 0 ? [] : [LossRow(row: row, target: target, group: group, weight: weight)]
    }
}

/// What a row of a batch is made of: a prompt, and a response that is learnt, padded with end tokens to the generation
/// length; or a piece of packed text.
package struct TrainingExample: Sendable {
    package var prompt: [Int32]
    /// The response and the padding behind it.
    package var response: [Int32]
    /// Response tokens up to and including the first end token.
    package var responseLength: Int
    /// Which tokens of the response are learnt, by position; nil where all are.
    ///
    /// The others are never masked, and the loss isn't taken at them.
    package private(set) var learnt: [Bool]?

    /// Pads `response` with `endToken` to `generationLength`; `nil` when it doesn't fit with one end token.
    package init?(prompt: [Int32], response: [Int32], endToken: Int32, generationLength: Int) {
        guard response.count < generationLength else { return nil }
        self.prompt = prompt
        responseLength = response.count + 1
        self.response = response + Array(repeating: endToken, count: generationLength - response.count)
    }

    /// A piece of packed text: every token of it may be masked where it is learnt.
    ///
    /// - Parameter learnt: Which tokens are, one flag for each; nil for all.
    package init(text: [Int32], learnt: [Bool]? = nil) {
        precondition(learnt.map { $0.count == text.count } ?? true, "one flag for each token")
        prompt = []
        response = text
        responseLength = text.count
        self.learnt = learnt
    }

    /// Whether the token at an index of the response is learnt.
    package func isLearnt(_ index: Int) -> Bool { learnt?[index] ?? true }

    /// How many tokens of the response are learnt.
    package var learntCount: Int { learnt?.count { $0 } ?? response.count }

    /// Prompt, then response.
    package var tokens: [Int32] { prompt + response }
}

/// Endless reshuffled passes over a data set: which example is the i-th of training is a function of the seed.
package struct ShuffledOrder {
    private let count: Int
    private let seed: UInt64
    private let purpose: String
    private var epoch = -1
    private var order: [Int] = []

    package init(count: Int, seed: UInt64, purpose: String) {
        precondition(count > 0, "an empty data set has no order")
        self.count = count
        self.seed = seed
        self.purpose = purpose
    }

    /// Index of the i-th example, counted over all epochs.
    package mutating func index(_ i: Int) -> Int {
        if i / count != epoch {
            epoch = i / count
            var stream = RandomStream(seed: seed, purpose: purpose + "/order", sample: UInt64(epoch))
            order = Array(0..<count)
            order.shuffle(using: &stream)
        }
        return order[i % count]
    }
}
