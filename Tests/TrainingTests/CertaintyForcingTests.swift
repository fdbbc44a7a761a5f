import Numerics
import Testing
import Transformers

@testable import Training

@Suite struct CertaintyForcingTests {
    private let model = TransformerConfiguration(
        layers: 1, width: 8, heads: 2, feedForwardWidth: 8, vocabulary: 40)
    private let rows: [[Int32]] = [Array(1...12), Array(11...22)]

    private func batch(_ draws: CertaintyForcing.MaskDraws) -> LossBatch {
        // Row 0 masks its second block of four behind a prompt of two, row 1 its first behind one of four.
        let count = draws == .faithful ? 8 : 4
        var scripted = ScriptedDraws(
            integers: [1, 0], uniforms: (0..<2 * count).map { $0 % 2 == 0 ? 0.1 : 0.9 })
        let objective = CertaintyForcing(blockLength: 4, maskDraws: draws)
        return objective.batch(rows: rows, promptLengths: [2, 4], model, mask: 39, &scripted)
    }

    @Test("corrected: each row is masked in its own block and behind it")
    func corrected() {
        let sequences = batch(.corrected).sequences
        #expect(sequences[0].tokens == [1, 2, 3, 4, 5, 6, 39, 8, 39, 10, 39, 39])
        #expect(sequences[1].tokens == [11, 12, 13, 14, 39, 16, 39, 18, 39, 39, 39, 39])
        #expect(sequences[0].rows.map(\.row) == [6, 8])
    }

    @Test("faithful: a row's draw overwrites every row, and only the last row's future is masked")
    func faithful() {
        let sequences = batch(.faithful).sequences
        #expect(sequences[0].tokens == [1, 2, 3, 4, 39, 6, 39, 8, 39, 10, 11, 12])
        #expect(sequences[1].tokens == [11, 12, 13, 14, 39, 16, 39, 18, 39, 39, 39, 39])
        #expect(sequences[1].rows.map(\.row) == [4, 6, 8])
    }

    @Test("mask and complement cover the block once, and both carry the entropy")
    func complement() {
        let batch = batch(.corrected)
        #expect(batch.sequences[0].rows.map(\.row) + batch.sequences[2].rows.map(\.row) == [6, 8, 7, 9])
        #expect(batch.groups.map(\.entropy) == [2, 2] && batch.groups.map(\.crossEntropy) == [1, 1])
    }
}
