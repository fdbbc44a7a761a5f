import Testing

@testable import Decoding

@Suite struct UnmaskingTimesTests {
    /// The counts of a whole plan, each taken off the masks that are left.
    private func counts(steps: Int, last: Double, masks: Int) -> [Int] {
        let times = UnmaskingTimes(steps: steps, last: last)
        var left = masks
        return (0..<steps).map { index in
            let count = times.count(at: index, masks: left)
            left -= count
            return count
        }
    }

    @Test func anEvenPlanDecodesAboutAnEvenShare() {
        // Exact shares of 16, 12 and 8 would be 4 (times 1, 3/4, 1/2, 1/4, 0); the last time above 0 makes them a
        // little less, which is cut.
        #expect(counts(steps: 4, last: 1e-3, masks: 16) == [3, 4, 4, 5])
        #expect(counts(steps: 1, last: 1e-3, masks: 5) == [5])
    }

    @Test func moreStepsThanMasksMeansForwardsThatDecodeNothing() {
        let counts = counts(steps: 10, last: 1e-3, masks: 4)
        #expect(counts.reduce(0, +) == 4 && counts.count == 10 && counts.contains(0))
    }

    @Test func aLaterEndLeavesMoreToTheLastForward() {
        #expect(counts(steps: 2, last: 0.5, masks: 8) == [2, 6])
        #expect(counts(steps: 2, last: 0, masks: 8) == [4, 4])
    }

    @Test func nothingIsDueAfterTheLastForward() {
        #expect(UnmaskingTimes(steps: 3, last: 1e-3).count(at: 3, masks: 7) == 0)
    }
}
