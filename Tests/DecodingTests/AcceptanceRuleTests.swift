import Testing

@testable import Decoding

@Suite struct AcceptanceRuleTests {
    private func candidates(probabilities: [Double]) -> [Prediction] {
        probabilities.enumerated().map {
            Prediction(position: $0, token: 0, probability: $1, entropy: 1 - $1)
        }
    }

    private func candidates(entropies: [Double]) -> [Prediction] {
        entropies.enumerated().map { Prediction(position: $0, token: 0, probability: 0.5, entropy: $1) }
    }

    @Test func scheduledTakesTheMostConfidentOnes() {
        let chosen = AcceptanceRule.scheduled.select(
            candidates(probabilities: [0.2, 0.9, 0.5, 0.8]), scheduled: 2)
        #expect(chosen.map(\.position) == [1, 3])
    }

    @Test func scheduledTakesOneEvenWhenTheScheduleHasRunOut() {
        #expect(AcceptanceRule.scheduled.select(candidates(probabilities: [0.2]), scheduled: 0).count == 1)
    }

    @Test func saturatedProbabilitiesAreOrderedByWhatTheyLeaveOver() {
        let a = Prediction(position: 0, token: 0, probability: 1, entropy: 0, doubt: 2e-12)
        let b = Prediction(position: 1, token: 0, probability: 1, entropy: 0, doubt: 1e-12)
        #expect(AcceptanceRule.scheduled.select([a, b], scheduled: 1).map(\.position) == [1])
    }

    @Test func confidenceAcceptsTheBestAndAllFromTheThresholdOn() {
        let rule = AcceptanceRule.confidence(0.8)
        #expect(
            rule.select(candidates(probabilities: [0.8, 0.79, 0.9]), scheduled: 1).map(\.position) == [2, 0])
        #expect(rule.select(candidates(probabilities: [0.3, 0.4]), scheduled: 1).map(\.position) == [1])
        #expect(rule.select([], scheduled: 1).isEmpty)
    }

    @Test func entropyAcceptsTheThresholdItself() {
        let chosen = AcceptanceRule.entropy(0.5).select(
            candidates(entropies: [0.5, 0.51, 0.1]), scheduled: 1)
        #expect(chosen.map(\.position) == [2, 0])
        #expect(
            AcceptanceRule.entropy(0.5).select(candidates(entropies: [2, 3]), scheduled: 1).map(\.position)
                == [0])
    }

    @Test func dreamsRuleIsStrictAndMayAcceptNothing() {
        let rule = EntropyRule(threshold: 0.5, includesThreshold: false, acceptsBest: false)
        #expect(rule.select(candidates(entropies: [0.5, 0.7])).isEmpty)
        #expect(rule.select(candidates(entropies: [0.5, 0.49])).map(\.position) == [1])
    }

    @Test func anEntropyWithoutANumberPassesLLaDAsTestOnlyAndComesLast() {
        let mixed = candidates(entropies: [.nan, 0.9, .nan])
        #expect(EntropyRule(threshold: 0.5).select(mixed).map(\.position) == [1, 0, 2])
        let dream = EntropyRule(threshold: 0.5, includesThreshold: false, acceptsBest: false)
        #expect(dream.select(mixed).isEmpty)
    }

    @Test(arguments: [
        // confidences, factor, accepted
        ([0.1], 1.0, 1),
        ([0.9, 0.1, 0.1], 1.0, 1),  // the second needs 1 − 1/3
        ([0.9, 0.7, 0.1, 0.1], 1.0, 2),  // the third needs 3/4
        ([0.9, 0.8, 0.76, 0.1], 1.0, 4),  // only the last fails: upstream accepts it as well
        ([0.9, 0.1], 1.0, 2),  // the same with two
        ([0.9, 0.8, 0.76, 0.81], 1.0, 4),
        ([0.9, 0.35, 0.3, 0.1], 2.0, 2),
    ])
    func factorAcceptsUntilTheFirstFailure(_ confidences: [Double], _ factor: Double, _ accepted: Int) {
        #expect(AcceptanceRule.factorCount(confidences, factor: factor) == accepted)
    }

    @Test func scheduleGivesTheRemainderToTheFirstForwards() {
        let schedule = TransferSchedule(masks: 10, steps: 4)
        #expect((0..<4).map { schedule.count(at: $0) } == [3, 3, 2, 2])
    }

    @Test func entropyBelowLeavesOutWhatEqualsTheThreshold() {
        let some = candidates(entropies: [0.3, 0.5, 0.4])
        #expect(AcceptanceRule.entropy(0.4).select(some, scheduled: 1).map(\.position) == [0, 2])
        #expect(AcceptanceRule.entropyBelow(0.4).select(some, scheduled: 1).map(\.position) == [0])
        #expect(AcceptanceRule.entropyBelow(0).select(some, scheduled: 1).map(\.position) == [0])
    }
}
