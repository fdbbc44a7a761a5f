import Numerics
import Testing
import Transformers

@testable import Training

@Suite struct D3LLMObjectiveTests {
    private let tokens = Tiny.tokens(10, seed: 2)
    private let window = TrajectoryMask.Window(range: 4..<8, masked: [true, false, false, true])

    private func batch(_ objective: D3LLMObjective, shift: Bool = false) -> LossBatch {
        objective.batch(
            rows: [tokens, tokens],
            windows: [window, TrajectoryMask.Window(range: 10..<10, masked: [])],
            Tiny.configuration(shift: shift), mask: Tiny.mask)
    }

    @Test("mask and complement cover every position of the window once, and see it masked")
    func complement() {
        let batch = batch(D3LLMObjective())
        #expect(batch.sequences.count == 4)
        let (first, second) = (batch.sequences[0], batch.sequences[2])
        #expect(first.rows.map(\.row) == [4, 7] && second.rows.map(\.row) == [5, 6])
        #expect((first.rows + second.rows).map(\.row).sorted() == Array(window.range))
        #expect(first.rows.allSatisfy { $0.group == 0 } && second.rows.allSatisfy { $0.group == 1 })
        for sequence in [first, second] {
            for row in sequence.rows {
                #expect(sequence.tokens[row.row] == Tiny.mask)
                #expect(row.target == tokens[row.row] && row.weight == 1)
            }
            // Before the window everything is given, behind it nothing.
            #expect(Array(sequence.tokens[..<4]) == Array(tokens[..<4]))
            #expect(sequence.tokens[8...].allSatisfy { $0 == Tiny.mask })
            #expect(sequence.tokens[4..<8].filter { $0 == Tiny.mask }.count == sequence.rows.count)
        }
        // A row that takes no part stays as it is and has no loss.
        for sequence in [batch.sequences[1], batch.sequences[3]] {
            #expect(sequence.tokens == tokens && sequence.rows.isEmpty)
        }
    }

    @Test("weights are a quarter each, the entropy's factor on the first half unless asked for both")
    func groups() {
        let plain = batch(D3LLMObjective())
        #expect(plain.groups.map(\.crossEntropy) == [0.25, 0.25])
        #expect(plain.groups.map(\.entropy) == [0.5, 0])
        #expect(plain.temperature == 0.5)
        #expect(batch(D3LLMObjective(usesComplementEntropy: true)).groups.map(\.entropy) == [0.5, 0.5])
        let single = batch(D3LLMObjective(entropyWeight: 1, usesComplement: false))
        #expect(single.groups.map(\.entropy) == [0.25] && single.sequences.count == 2)
    }

    @Test("with shifted logits the row before a position predicts it, and position 0 is never asked for")
    func shift() {
        let shifted = batch(D3LLMObjective(), shift: true)
        #expect(shifted.sequences[0].rows.map(\.row) == [3, 6])
        #expect(shifted.sequences[0].rows.map(\.target) == [tokens[4], tokens[7]])
        #expect(shifted.sequences[2].rows.map(\.row) == [4, 5])
        let whole = D3LLMObjective().batch(
            rows: [tokens], windows: [.init(range: 0..<3, masked: [true, true, false])],
            Tiny.configuration(shift: true), mask: Tiny.mask)
        #expect(whole.sequences[0].rows.map(\.row) == [0])
        #expect(whole.sequences[0].rows.map(\.target) == [tokens[1]])
    }
}
