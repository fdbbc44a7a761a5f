import Evaluation
import Measures
import Testing

private func record(_ index: Int, correct: Bool, tokens: Int = 10, nfe: Int = 5) -> SampleRecord {
    SampleRecord(
        id: "test-\(index)", correct: correct, tokensBeforeEnd: tokens, nfe: nfe, forwards: nfe,
        tokensForwarded: 48 * nfe, text: "#### 1", promptHash: StableHash.hex("\(index)"))
}

/// `count` records of which the first `correct` are right, all equally fast.
private func records(correct: Int, of count: Int, tokens: Int = 10, nfe: Int = 5) -> [SampleRecord] {
    (0..<count).map { record($0, correct: $0 < correct, tokens: tokens, nfe: nfe) }
}

struct CurvePointTests {
    @Test func speedIsTheRatioOfTheSums() throws {
        let point = try CurvePoint([
            record(0, correct: true, tokens: 10, nfe: 1), record(1, correct: false, tokens: 10, nfe: 9),
        ])
        #expect(point.tpf == 2)
        #expect(point.accuracy == 50)
        #expect(point.meanNFE == 5)
        #expect(point.count == 2)
    }

    @Test func emptySetsAndMissingForwardsAreRefused() {
        #expect(throws: MeasureError.noSamples) { try CurvePoint([]) }
        #expect(throws: MeasureError.noForwards(samples: 1)) {
            try CurvePoint([record(0, correct: true, nfe: 0)])
        }
        #expect(throws: MeasureError.self) { try CurvePoint(tokens: 1, nfe: 1, correct: 2, count: 1) }
    }

    @Test func halvesSplitByIndexParity() {
        let all = (0..<5).map { record($0, correct: true) }
        #expect(all.calibrationHalf.map(\.id) == ["test-0", "test-2", "test-4"])
        #expect(all.reportHalf.map(\.id) == ["test-1", "test-3"])
    }
}

struct WilsonIntervalTests {
    /// The reference values were computed with decimals of 50 digits.
    @Test(arguments: [
        (0, 10, 0.0, 27.753279986288927), (10, 10, 72.24672001371107, 100.0),
        (5, 10, 23.659309051256916, 76.34069094874308), (193, 200, 92.95293884777092, 98.29444579914328),
    ]) func matchesReference(correct: Int, count: Int, lower: Double, upper: Double) {
        let interval = WilsonInterval(correct: correct, count: count)
        #expect(abs(interval.lower - lower) < 1e-9)
        #expect(abs(interval.upper - upper) < 1e-9)
    }

    @Test func containsTheProportionAndStaysWithinBounds() {
        for count in [1, 2, 7, 200] {
            for correct in 0...count {
                let interval = WilsonInterval(correct: correct, count: count)
                #expect(interval.range.contains(100 * Double(correct) / Double(count)))
                #expect((0...100).contains(interval.lower) && (0...100).contains(interval.upper))
            }
        }
    }
}

struct TPFAtAccuracyTests {
    private func points(_ values: [(tpf: Int, accuracy: Int)]) throws -> [CurvePoint] {
        try values.map { try CurvePoint(tokens: $0.tpf * 10, nfe: 10, correct: $0.accuracy, count: 100) }
    }

    @Test func highestTakesTheFastestPointThatIsAccurateEnough() throws {
        let sweep = try points([(4, 90), (2, 98), (3, 95), (5, 70)])
        #expect(TPFAtAccuracy.highest(sweep, target: 95)?.tpf == 3)
        #expect(TPFAtAccuracy.highest(sweep, target: 99) == nil)
    }

    @Test func interpolationEndsWhereTheLineCrossesTheTarget() throws {
        let sweep = try points([(4, 90), (2, 98), (3, 95), (5, 70)])
        #expect(TPFAtAccuracy.interpolated(sweep, target: 92.5) == 3.5)
        #expect(TPFAtAccuracy.interpolated(sweep, target: 95) == 3)
        #expect(TPFAtAccuracy.interpolated(sweep, target: 60) == 5)
        #expect(TPFAtAccuracy.interpolated(sweep, target: 99) == nil)
    }

    @Test func interpolationFindsTheLastCrossingOfACurveThatRecovers() throws {
        let sweep = try points([(1, 96), (2, 80), (3, 96), (4, 92)])
        #expect(TPFAtAccuracy.interpolated(sweep, target: 94) == 3.5)
    }

    @Test func equalSpeedsTakeTheMoreAccurate() throws {
        let sweep = try points([(2, 90), (2, 96)])
        #expect(TPFAtAccuracy.highest(sweep, target: 80)?.accuracy == 96)
        #expect(TPFAtAccuracy.interpolated(sweep, target: 95) == 2)
    }

    @Test func thresholdIsChosenOnOneHalfAndReportedOnTheOther() throws {
        // The fast setting is right on even samples only: good where chosen, bad where reported.
        let fast = (0..<20).map { record($0, correct: $0 % 2 == 0, nfe: 2) }
        let slow = records(correct: 20, of: 20)
        let choice = try #require(
            try ThresholdChoice(
                sweep: [(setting: 0.1, records: slow), (setting: 0.5, records: fast)], target: 95))
        #expect(choice.setting == 0.5)
        #expect(choice.calibration.accuracy == 100)
        #expect(choice.report.accuracy == 0)
        #expect(choice.report.tpf == 5)
    }

    @Test func noSettingReachesTheTarget() throws {
        let sweep = [(setting: 0.1, records: records(correct: 0, of: 10))]
        #expect(try ThresholdChoice(sweep: sweep, target: 50) == nil)
        #expect(throws: MeasureError.noSamples) {
            try ThresholdChoice(sweep: [(setting: 0.1, records: [record(0, correct: true)])], target: 50)
        }
    }
}
