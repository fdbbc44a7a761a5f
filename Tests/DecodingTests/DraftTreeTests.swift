import Testing

@testable import Decoding

/// Drafts with alternatives, and what is left of them.
@Suite struct DraftTreeTests {
    private func logits(_ probabilities: [Double]) -> [Float] {
        // What the base is doesn't matter to a softmax but by a factor of all logits, so that natural ones are made from squares.
        probabilities.map { Float(logarithm($0)) }
    }

    /// ln x by bisection of exp's series: tests need no library for it.
    private func logarithm(_ x: Double) -> Double {
        var (low, high) = (-40.0, 5.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if exponential(middle) < x { low = middle } else { high = middle }
        }
        return low
    }

    private func exponential(_ x: Double) -> Double {
        let scaled = x / 64
        var (term, sum) = (1.0, 1.0)
        for n in 1..<24 {
            term *= scaled / Double(n)
            sum += term
        }
        return (0..<6).reduce(sum) { value, _ in value * value }
    }

    private func prediction(_ probabilities: [Double], at position: Int) -> Prediction {
        let row = logits(probabilities)
        let best = row.indices.max { row[$0] < row[$1] } ?? 0
        var found = Prediction(
            position: position, token: Int32(best), probability: probabilities[best], entropy: 0)
        found.logits = row
        return found
    }

    private func draws(_ seed: UInt64) -> DrawSequence {
        DrawSequence(Sampling(seed: seed, sample: 0), purpose: "test")
    }

    @Test("greedy: what the whole model would have written stays, an alternative ends it")
    func greedy() {
        var draws = draws(0)
        let rows = [[0.1, 0.6, 0.3], [0.2, 0.1, 0.7], [0.5, 0.3, 0.2]]
        let draft = rows.map { DraftStep(prediction($0, at: 0), nil, &draws) }
        #expect(draft.map(\.candidates) == [[1, 2, 0], [2, 0, 1], [0, 1, 2]])
        let siblings = DraftStep.siblings(of: draft, isDrawn: false, from: 9)
        #expect(
            siblings.map(\.position) == [10, 10, 11, 11, 12, 12]
                && siblings.map(\.token) == [2, 0, 0, 1, 1, 2])
        func agreement(_ chain: [[Double]]) -> DraftAgreement {
            DraftAgreement(
                draft, chain.map { prediction($0, at: 0) },
                siblings.indices.map { _ in prediction([0.1, 0.8, 0.1], at: 0) })
        }
        let whole = agreement([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])
        #expect(whole.accepted == [1, 2, 0] && whole.sibling == nil && whole.next.token == 2)
        let other = agreement([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])
        #expect(other.accepted == [1, 0] && other.sibling == 2 && other.next.token == 1)
    }

    @Test("drawn: tokens are distributed as the whole model's, whatever the draft's are", arguments: [0, 1])
    func distribution(_ which: Int) {
        let target = [0.5, 0.3, 0.15, 0.05]
        let drafted = [[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25]][which]
        let sampler = DraftSampler(temperature: 1, topP: 1)
        var counts = [0.0, 0, 0, 0]
        let trials = 20_000
        for seed in 0..<UInt64(trials) {
            var draws = draws(seed)
            let step = DraftStep(prediction(drafted, at: 0), sampler, &draws)
            let rest = (0..<12).map { _ in prediction([0.25, 0.25, 0.25, 0.25], at: 1) }
            let found = DraftAgreement([step], [prediction(target, at: 0), rest[0]], rest, sampler, &draws)
            counts[Int(found.accepted.first ?? found.next.token)] += 1
        }
        for (count, probability) in zip(counts, target) {
            // Five standard deviations.
            let deviation = (Double(trials) * probability * (1 - probability)).squareRoot()
            #expect(abs(count - Double(trials) * probability) < 5 * deviation, "\(counts)")
        }
    }

    @Test("tokens are drawn none twice, and the limit keeps the most probable")
    func sampling() {
        var draws = draws(3)
        #expect(Set(draws.several(4, of: [0.1, 0.2, 0.3, 0.4])) == [0, 1, 2, 3])
        let limited = DraftSampler(temperature: 1, topP: 0.6).probabilities(logits([0.5, 0.3, 0.15, 0.05]))
        #expect(limited[2] == 0 && limited[3] == 0 && abs(limited[0] - 0.625) < 1e-5)
        let hot = DraftSampler(temperature: 2, topP: 1).probabilities(logits([0.9, 0.1]))
        #expect(abs(hot[0] - 0.75) < 1e-5)
    }

    @Test("drafts fill in what was most certain, none that comes to the same twice")
    func graph() {
        let known = [(4, 0.5), (6, 0.9), (7, 0.7)].map {
            Prediction(position: $0.0, token: Int32($0.0 * 10), probability: $0.1, entropy: 0)
        }
        let graph = DraftGraph([[0], [0, 1], [1], [0, 1, 2], [3], [0]])
        let filled = graph.filled([9, 9, 9, 9, 9], from: 3, known)
        #expect(
            filled == [
                [9, 9, 9, 60, 9], [9, 9, 9, 60, 70], [9, 9, 9, 9, 70], [9, 40, 9, 60, 70],
            ])
        #expect(graph.first(2).drafts == [[0], [0, 1]])
    }
}
