import TestSupport
import Testing

@testable import Measures

struct SequentialLooksTests {
    @Test func theErrorIsDividedByTheRepeatsThatALookAdds() throws {
        let looks = try SequentialLooks(looks: [4, 6, 12], confidence: 0.94)
        let errors = (0..<3).map { 1 - looks.confidence(atLook: $0) }
        for (error, expected) in zip(errors, [0.02, 0.01, 0.03]) { #expect(abs(error - expected) < 1e-12) }
        let once = try SequentialLooks(looks: [8])
        #expect(abs(once.confidence(atLook: 0) - 0.95) < 1e-12)
    }

    @Test func impossiblePlansAreRefused() {
        #expect(throws: SequentialLooksError.noLook) { try SequentialLooks(looks: []) }
        #expect(throws: SequentialLooksError.tooEarly(1)) { try SequentialLooks(looks: [1, 4]) }
        #expect(throws: SequentialLooksError.notRising(4, 4)) { try SequentialLooks(looks: [4, 4]) }
        #expect(throws: SequentialLooksError.impossibleConfidence(95)) {
            try SequentialLooks(looks: [4], confidence: 95)
        }
    }

    @Test func looksThatArePossible() throws {
        let looks = try SequentialLooks(looks: [4, 8, 12])
        #expect([0, 3, 4, 7, 8, 12, 20].map { looks.looks(withRepeats: $0).count } == [0, 0, 1, 1, 2, 3, 3])
        #expect([0, 4, 11, 12].map { looks.nextLook(afterRepeats: $0) } == [4, 8, 12, nil])
    }

    @Test func goesOnUntilAllAreDecidedOrTheRepeatsAreSpent() throws {
        let looks = try SequentialLooks(looks: [4, 8, 12])
        func decision(_ repeats: Int, _ decided: [String: Int]) -> SequentialLooks.Decision {
            looks.decision(claims: ["a", "b"], repeats: repeats) { claim, count, _ in
                decided[claim] == count ? .doesNotHold : .open
            }
        }
        #expect(decision(2, [:]) == .goOn(until: 4, open: ["a", "b"]))
        #expect(decision(4, ["a": 4]) == .goOn(until: 8, open: ["b"]))
        // What was decided at the first look stays so, though the second says open.
        #expect(decision(8, ["a": 4, "b": 8]) == .decided)
        #expect(decision(12, ["a": 8]) == .spent(open: ["b"]))
        // What isn't reached stays so: no reason to go on.
        #expect(looks.decision(claims: ["a"], repeats: 4) { _, _, _ in .notReached } == .decided)
    }

    /// A claim without an effect, looked at until it is decided: how often it is, over 4,000 made-up experiments.
    @Test(
        "looking several times claims no more that is false than promised",
        arguments: [[4, 8, 12], [4, 6, 8, 12], [2, 4, 8], [3, 4, 5, 6, 7, 8]])
    func falsePositives(plan: [Int]) throws {
        let looks = try SequentialLooks(looks: plan)
        var random = SplitMix(seed: 22)
        let experiments = 4000
        // Twelve uniform numbers make a nearly normal one.
        func draw() -> Double {
            (0..<12).reduce(-6) { sum, _ in sum + Double.random(in: 0..<1, using: &random) }
        }
        func share(_ confidence: (Int) -> Double, _ samples: [[Double]]) -> Double {
            let quantiles = plan.indices.map {
                StudentDistribution(freedom: plan[$0] - 1).quantile(confidence: confidence($0))
            }
            let wrong = samples.count { values in
                plan.indices.contains { look in
                    let measure = RepeatedMeasure(Array(values.prefix(plan[look])))
                    return abs(measure.mean) > quantiles[look] * measure.standardError
                }
            }
            return Double(wrong) / Double(experiments)
        }
        let samples = (0..<experiments).map { _ in (0..<looks.maximum).map { _ in draw() } }
        let found = share({ looks.confidence(atLook: $0) }, samples)
        // Three standard errors of the simulation are 1 point.
        #expect(found <= 0.05 && found > 0.02, "\(found)")
        // The test sees what it is for: uncorrected looks are wrong more often.
        #expect(share({ _ in 0.95 }, samples) > 0.07)
    }
}
