package import Transformers

/// MultiTF, the training of MBD-LMs (SJTU-DENG-Lab/mbd-lms at f20911d: `data_transform_multibd.py`, `multi_bd_mask.py`,
/// `train_sdar_multi_tf.py`): blocks are learnt in groups, the later blocks of a group more masked, beside the clean text.
///
/// A text gives one row for each layout of groups. Loss of a row = Σ w·CE / Σ w over masked tokens with w = 1 / ratio; the loss of
/// a batch is the mean over its rows. Rows aren't shifted.
package struct MultiTeacherForcing: Sendable {
    /// How the ratios of a group's blocks rise from the low bound to the high one.
    package enum Ramp: String, Sendable, CaseIterable {
        /// A floor, then each block above the one before.
        case chainUniform = "chain_uniform"
        /// The same with the floor as the first block's ratio.
        case chainUniformOpt = "chain_uniform_opt"
        /// Even steps.
        case linear
        /// One number in each of the even steps.
        case linearRandom = "linear_random"
        /// Numbers in order.
        case sortedUniform = "sorted_uniform"
        /// Even steps from a floor to 1.
        case linearAscend = "linear_ascend"
        /// Random steps by a power law.
        case random
    }

    /// Tokens per block.
    package var blockLength: Int
    /// Blocks of a group at most.
    package var groupSize: Int
    /// See ``Ramp``.
    package var ramp = Ramp.chainUniform
    /// The lowest and the highest ratio.
    package var ratios = 0.001...1.0
    /// Part of the ratios' range that is left out at its upper end.
    package var margin = 0.01
    /// Exponent of the ramp ``Ramp/random``.
    package var exponent = 2.0
    /// Whether all shifts of all group sizes are layouts.
    package var coversAll = true
    /// Layouts that are drawn.
    package var randomLayouts = 3
    /// Whether blocks of a response see the clean prompt blocks of their own group.
    ///
    /// `faithful`: no; a group that begins in the prompt hides up to its size less one of the prompt's last blocks from the
    /// response's first ones, which decoding always shows them. `corrected`: yes.
    package var hidesPrompt = true
    /// Whether the model's rows predict the next token; SDAR's don't.
    package var isShifted = false

    package init(blockLength: Int, groupSize: Int) {
        (self.blockLength, self.groupSize) = (blockLength, groupSize)
    }

    // MARK: - Layouts

    /// The layouts of a text: how many consecutive blocks each group has.
    package func layouts(blocks: Int, _ draws: inout some DrawSource) -> [[Int]] {
        var layouts: [[Int]] = []
        if coversAll {
            for size in 2...max(2, groupSize) where size <= groupSize {
                for shift in 0..<size { layouts.append(Self.shifted(blocks, size: size, by: shift)) }
            }
        }
        for _ in 0..<randomLayouts { layouts.append(drawn(blocks, &draws)) }
        return layouts
    }

    private static func shifted(_ blocks: Int, size: Int, by shift: Int) -> [Int] {
        let first = min(shift, blocks)
        var sizes = first > 0 ? [first] : []
        var left = blocks - first
        while left > 0 {
            sizes.append(min(size, left))
            left -= size
        }
        return sizes
    }

    /// Sizes from 2 up, the last one cut; a single block left over goes to a group with room, or takes one from a larger one.
    private func drawn(_ blocks: Int, _ draws: inout some DrawSource) -> [Int] {
        guard blocks > 1 else { return blocks == 1 ? [1] : [] }
        var sizes: [Int] = []
        var used = 0
        while used < blocks {
            let size = draws.integer(2, groupSize)
            guard used + size >= blocks else {
                sizes.append(size)
                used += size
                continue
            }
            let left = blocks - used
            if left == 1, groupSize >= 3, let place = sizes.firstIndex(where: { $0 < groupSize }) {
                sizes[place] += 1
            } else if left == 1, groupSize >= 3, let place = sizes.firstIndex(where: { $0 >= 3 }) {
                sizes[place] -= 1
                sizes.append(2)
            } else {
                sizes.append(left)
            }
            break
        }
        return sizes.count > 1 ? draws.permutation(sizes.count).map { sizes[$0] } : sizes
    }

    // MARK: - Noise

    /// The ratio of each block, group by group.
    package func blockRatios(_ sizes: [Int], _ draws: inout some DrawSource) -> [Double] {
        sizes.flatMap { groupRatios($0, &draws) }
    }

    private func groupRatios(_ count: Int, _ draws: inout some DrawSource) -> [Double] {
        let low = ratios.lowerBound
        let range = ratios.upperBound - low
        let high = range > 1e-9 && margin > 0 ? ratios.upperBound - margin * range : ratios.upperBound
        func between(_ lower: Double, _ t: Double) -> Double { lower + max(high - lower, 1e-9) * t }
        switch ramp {
        case .chainUniform:
            var last = low + (high - low) * draws.uniform(1)[0]
            return (0..<count).map { _ in
                last = between(last, draws.uniform(1)[0])
                return last
            }
        case .chainUniformOpt:
            var last = low + (high - low) * draws.uniform(1)[0]
            return [last]
                + (1..<max(1, count)).map { _ in
                    last = between(last, draws.uniform(1)[0])
                    return last
                }
        case .linear, .linearRandom:
            guard count > 1 else { return [low + (high - low) * draws.uniform(1)[0]] }
            if ramp == .linearRandom {
                return (0..<count).map {
                    low + (high - low) * (Double($0) + draws.uniform(1)[0]) / Double(count)
                }
            }
            // Upstream computes the even steps in 32-bit floats.
            return (0..<count).map {
                Double(Float(low) + Float(high - low) * (Float($0) / Float(count - 1)))
            }
        case .sortedUniform:
            return draws.uniform(count).map { Double(Float(low) + Float(high - low) * Float($0)) }.sorted()
        case .linearAscend:
            let floor = low + (high - low) * draws.uniform(1)[0]
            let step = (1 - floor) / Double(max(count, 1))
            return (0..<count).map { min(floor + Double($0) * step, 1) }
        case .random:
            var last = low
            return (0..<count).map { _ in
                let u = draws.uniform(1)[0]
                var power = 1.0
                // Whole exponents only, as the released settings have: 2.
                for _ in 0..<Int(exponent) { power *= 1 - u }
                last = between(last, 1 - power)
                return last
            }
        }
    }

    /// One row of a text: which of its positions are masked, and at which ratio each block.
    package struct Noise: Sendable {
        package let sizes: [Int]
        package let ratios: [Double]
        package let masked: [Bool]
    }

    /// Masks ⌊targets · ratio⌋ of each block's targets.
    ///
    /// - Parameters:
    ///   - sizes: how many blocks each group has, those behind the text included.
    ///   - draws: an order of the targets for each block, those without any too.
    package func noise(
        _ isTarget: [Bool], _ sizes: [Int], _ ratios: [Double], _ draws: inout some DrawSource
    ) -> Noise {
        var masked = [Bool](repeating: false, count: isTarget.count)
        for (block, ratio) in ratios.enumerated() {
            let end = min((block + 1) * blockLength, isTarget.count)
            let targets = (block * blockLength..<max(block * blockLength, end)).filter { isTarget[$0] }
            let order = draws.permutation(targets.count)
            for place in order.prefix(Int(Double(targets.count) * ratio)) { masked[targets[place]] = true }
        }
        return Noise(sizes: sizes, ratios: ratios, masked: masked)
    }

    // MARK: - Rows

    /// What each row sees of [clean ⊕ noisy]: response blocks the noisy ones of their group up to their own and the clean ones of
    /// earlier groups, all other noisy blocks themselves and the clean blocks before.
    ///
    /// - Parameters:
    ///   - length: tokens of a stream.
    ///   - prompt: tokens of the prompt.
    ///   - content: tokens of the text, in whole blocks.
    package func geometry(length: Int, prompt: Int, content: Int, _ sizes: [Int]) -> RowGeometry {
        var groupStart: [Int] = []
        for size in sizes { groupStart += [Int](repeating: groupStart.count, count: size) }
        let response = prompt / blockLength..<max(prompt / blockLength, content / blockLength)
        var visible = (0..<length).map {
            VisibleKeys(prefix: min(length, ($0 / blockLength + 1) * blockLength))
        }
        visible += (0..<length).map { position in
            let block = position / blockLength
            let end = length + min(length, (block + 1) * blockLength)
            guard response.contains(block) else {
                return VisibleKeys(prefix: block * blockLength, window: length + block * blockLength..<end)
            }
            let start = groupStart[block]
            let first = max(start, response.lowerBound)
            return VisibleKeys(
                prefix: (hidesPrompt ? start : first) * blockLength,
                window: length + first * blockLength..<end)
        }
        let positions = Array(0..<Int32(length))
        return RowGeometry(positions: positions + positions, visible: visible)
    }

    /// The batch of all rows of some texts.
    package func batch(
        _ rows: [(text: MarkedRow, prompt: Int, content: Int, noise: Noise)], mask: Int32
    ) -> LossBatch {
        let sequences = rows.enumerated().map { group, row in
            var starts: Set<Int> = []
            var block = 0
            for size in row.noise.sizes {
                starts.insert(block * blockLength)
                block += size
            }
            // The first block that isn't all prompt follows clean ones, wherever its group begins.
            starts.insert(row.prompt / blockLength * blockLength)
            let losses = row.noise.masked.indices.filter { row.noise.masked[$0] }.map { position in
                LossRow(
                    row: position, target: row.text.tokens[position], group: group,
                    weight: Float(1 / row.noise.ratios[position / blockLength]))
            }
            return TrainingSequence(
                clean: row.text.tokens, noisy: row.text.masking(row.noise.masked, with: mask),
                geometry(
                    length: row.text.tokens.count, prompt: row.prompt, content: row.content, row.noise.sizes),
                losses: losses, isShifted: isShifted
            ) { starts.contains($0) }
        }
        return LossBatch(
            sequences: sequences,
            groups: rows.indices.map { LossGroup("layout \($0)", crossEntropy: 1 / Float(rows.count)) })
    }

    /// One drawn layout for each of some rows, with its noise.
    package func batch(_ rows: [MarkedRow], mask: Int32, _ draws: inout some DrawSource) -> LossBatch {
        let noisy = rows.map { row -> (text: MarkedRow, prompt: Int, content: Int, noise: Noise) in
            let blocks = (row.tokens.count + blockLength - 1) / blockLength
            let sizes = drawn(blocks, &draws)
            let noise = noise(row.isTarget, sizes, blockRatios(sizes, &draws), &draws)
            return (row, row.isTarget.firstIndex(of: true) ?? row.tokens.count, blocks * blockLength, noise)
        }
        return batch(noisy, mask: mask)
    }
}
