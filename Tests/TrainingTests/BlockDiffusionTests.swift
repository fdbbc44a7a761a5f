import Numerics
import Testing
import Transformers

@testable import Training

/// Objectives with two streams; losses and gradients of upstream's code are in the parity cases.
@Suite struct BlockDiffusionTests {
    private func row(_ count: Int, prompt: Int) -> MarkedRow {
        MarkedRow(tokens: (0..<Int32(count)).map { $0 + 1 }, isTarget: (0..<count).map { $0 >= prompt })
    }

    private func model(headNorm: Bool) throws -> Transformer {
        var c = Tiny.configuration(layers: 2)
        c.queryKeyNorm = headNorm
        return try Transformer(over: Tiny.parameters(c))
    }

    @Test("complementary views learn every target once, from the row before it")
    func complementary() {
        var draws = RandomStream(seed: 3, purpose: "test")
        let rows = [row(12, prompt: 5), row(8, prompt: 0)]
        let batch = ComplementaryBlocks(blockLength: 4).batch(rows, mask: 40, &draws)
        #expect(batch.sequences.count == 4)
        for (index, row) in rows.enumerated() {
            let views = [batch.sequences[index], batch.sequences[index + 2]]
            let targets = views.flatMap { view in view.rows.map { $0.row - row.tokens.count + 1 } }
            // Position 0 has no row before it.
            #expect(targets.sorted() == row.isTarget.indices.filter { row.isTarget[$0] && $0 > 0 })
            for view in views {
                #expect(Array(view.tokens[..<row.tokens.count]) == row.tokens)
                for loss in view.rows {
                    let position = loss.row - row.tokens.count + 1
                    #expect(
                        view.tokens[row.tokens.count + position] == 40 && loss.target == row.tokens[position])
                }
            }
        }
    }

    @Test("a noisy row sees clean blocks before its own and its own noisy block, a clean one no noisy token")
    func visible() {
        let geometry = RowGeometry.twoStreams(length: 6, blockLength: 4)
        #expect(geometry.positions == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5])
        #expect(
            geometry.visible[1] == VisibleKeys(prefix: 4) && geometry.visible[5] == VisibleKeys(prefix: 6))
        #expect(geometry.visible[6] == VisibleKeys(prefix: 0, window: 6..<10))
        #expect(geometry.visible[11] == VisibleKeys(prefix: 4, window: 10..<12))
        let causal = RowGeometry.twoStreams(length: 6, blockLength: 4, isCausal: true)
        #expect(causal.visible[1] == VisibleKeys(prefix: 2) && causal.visible[6...] == geometry.visible[6...])
    }

    @Test(
        "a row of two streams predicts what two forwards do: the clean text beside a cache, and each noisy block"
    )
    func sameAsCache() throws {
        let model = try model(headNorm: true)
        let clean: [Int32] = [1, 2, 3, 4, 5, 6, 7, 3]
        var noisy = clean
        for position in [1, 4, 6] { noisy[position] = 9 }
        let streams = model.logits(
            [ForwardInput(tokens: clean + noisy, geometry: .twoStreams(length: 8, blockLength: 4))],
            Workspace())
        let pattern = AttentionPattern.blockCausal(promptLength: 0, blockLength: 4)
        let alone = model.logits([ForwardInput(tokens: clean, attention: pattern)], Workspace()).elements
        #expect(zip(streams.slice(rows: 0..<8).elements, alone).allSatisfy { abs($0 - $1) < 1e-5 })
        for block in [0..<4, 4..<8] {
            let cache = KeyValueCache(model.configuration, capacity: 8)
            if block.lowerBound > 0 {
                _ = model.logits(
                    [
                        ForwardInput(
                            tokens: Array(clean[..<4]), attention: pattern, cache: cache,
                            cacheUpdate: .append(4))
                    ], Workspace())
            }
            let beside = model.logits(
                [
                    ForwardInput(
                        tokens: Array(noisy[block]), firstPosition: block.lowerBound, attention: pattern,
                        cache: cache)
                ], Workspace()
            ).elements
            let found = streams.slice(rows: 8 + block.lowerBound..<8 + block.upperBound).elements
            #expect(zip(found, beside).allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }

    @Test("threads and lanes leave the bits of a gradient over two streams alone")
    func threads() throws {
        let model = try model(headNorm: false)
        let rows = (0..<5).map { row in
            MarkedRow(tokens: (0..<8).map { Int32(($0 + row) % 7 + 1) }, isTarget: (0..<8).map { $0 > 2 })
        }
        var gradients: [[Float]] = []
        for threads in [1, 3] {
            var draws = RandomStream(seed: 5, purpose: "test")
            let gradient = try BatchGradient(FlatParameters(copying: model), threads: threads)
            _ = gradient.compute(ComplementaryBlocks(blockLength: 4).batch(rows, mask: 9, &draws))
            gradients.append(
                Array(
                    UnsafeBufferPointer(
                        start: gradient.gradient.buffer.pointer, count: gradient.gradient.buffer.count)))
        }
        #expect(gradients[0] == gradients[1] && gradients[0].contains { $0 != 0 })
    }

    @Test("SDAR draws a row again that has nothing masked, and masks one token at last")
    func drawnAgain() {
        var draws = RandomStream(seed: 1, purpose: "test")
        var objective = BlockwiseRatioObjective(blockLength: 4)
        objective.least = 0
        // A ratio next to nothing: ten draws mask nothing, so that one token is chosen.
        var never = NeverMasked(draws: draws)
        let batch = objective.batch([[row(8, prompt: 6)]], mask: 40, &never)
        #expect(batch.sequences[0].rows.count == 1 && never.calls == 20)
        let usual = BlockwiseRatioObjective(blockLength: 4).batch([[row(64, prompt: 0)]], mask: 90, &draws)
        #expect(usual.sequences[0].rows.count > 1)
    }

    private struct NeverMasked: DrawSource {
        var draws: RandomStream
        var calls = 0
        mutating func integer(_ low: Int, _ high: Int) -> Int { draws.integer(low, high) }
        mutating func uniform(_ count: Int) -> [Double] {
            calls += 1
            return [Double](repeating: count == 1 ? 1e-9 : 0.5, count: count)
        }
    }

    @Test("dLLM-Var masks every end token of a response, whatever the draws")
    func ends() {
        var draws = RandomStream(seed: 2, purpose: "test")
        let objective = EndTokenObjective(ratios: 0...1e-12, endTokens: [3, 8])
        let batch = objective.batch([row(10, prompt: 4)], mask: 40, &draws)
        #expect(batch.sequences[0].rows.map(\.row) == [7] && batch.sequences[0].tokens[2] == 3)
    }

    // MARK: - MultiTF

    @Test("layouts: all shifts of all sizes, and drawn ones that cover the text without single blocks")
    func layouts() {
        var draws = RandomStream(seed: 9, purpose: "test")
        var objective = MultiTeacherForcing(blockLength: 4, groupSize: 3)
        objective.randomLayouts = 40
        let layouts = objective.layouts(blocks: 7, &draws)
        #expect(Array(layouts[..<5]) == [[2, 2, 2, 1], [1, 2, 2, 2], [3, 3, 1], [1, 3, 3], [2, 3, 2]])
        for layout in layouts[5...] {
            #expect(layout.reduce(0, +) == 7 && layout.allSatisfy { (2...3).contains($0) })
        }
        #expect(Set(layouts[5...]).count > 1)
        #expect(objective.layouts(blocks: 1, &draws).last == [1])
    }

    @Test("upstream hides the end of the prompt from the first blocks of a group; corrected, they see it")
    func hiddenPrompt() {
        var objective = MultiTeacherForcing(blockLength: 4, groupSize: 3)
        // Two prompt blocks, three of the response; the first group has one and two.
        for (hides, prefix) in [(true, 4), (false, 8)] {
            objective.hidesPrompt = hides
            let geometry = objective.geometry(length: 20, prompt: 8, content: 20, [1, 3, 1])
            let first = geometry.visible[20 + 8]
            #expect(first == VisibleKeys(prefix: prefix, window: 28..<32))
            #expect(geometry.visible[20 + 12] == VisibleKeys(prefix: prefix, window: 28..<36))
            #expect(geometry.visible[20 + 16] == VisibleKeys(prefix: 16, window: 36..<40))
            #expect(geometry.visible[20 + 5] == VisibleKeys(prefix: 4, window: 24..<28))
        }
    }

    @Test(
        "ratios rise within a group and begin anew in the next", arguments: MultiTeacherForcing.Ramp.allCases)
    func ramps(_ ramp: MultiTeacherForcing.Ramp) {
        var draws = RandomStream(seed: 4, purpose: "test")
        var objective = MultiTeacherForcing(blockLength: 4, groupSize: 4)
        objective.ramp = ramp
        for _ in 0..<20 {
            let ratios = objective.blockRatios([4, 4], &draws)
            for group in [ratios[..<4], ratios[4...]] {
                #expect(zip(group, group.dropFirst()).allSatisfy { $0 <= $1 })
                #expect(group.allSatisfy { (0...1).contains($0) })
            }
        }
    }
}
