import Testing

@testable import Measures

struct RepeatedMeasureTests {
    @Test("mean and Student's interval of three values, worked out by hand")
    func three() throws {
        // Variance 4, standard error 2 / √3, quantile 4.302653.
        let measure = RepeatedMeasure([10, 12, 14])
        #expect(measure.mean == 12)
        let interval = try #require(measure.interval)
        #expect(abs(interval.lowerBound - 7.031724) < 1e-5)
        #expect(abs(interval.upperBound - 16.968276) < 1e-5)
    }

    @Test func oneValueHasNoInterval() {
        #expect(RepeatedMeasure([3]).interval == nil)
        #expect(RepeatedMeasure([3]).mean == 3)
    }

    @Test func equalValuesHaveAnIntervalOfLengthZero() {
        #expect(RepeatedMeasure([3, 3, 3, 3]).interval == 3...3)
    }
}
