import Numerics
import Testing

@testable import Training

@Suite struct WeightAverageTests {
    private func buffer(_ values: [Float]) -> FloatBuffer {
        let buffer = FloatBuffer(zeros: values.count)
        for (i, value) in values.enumerated() { buffer.pointer[i] = value }
        return buffer
    }

    private func mean(_ options: WeightAverage.Options, _ weights: [Float], threads: Int = 1) -> Float {
        let mean = WeightAverage(options, elements: 1, steps: weights.count, threads: threads)
        for (step, weight) in weights.enumerated() { mean.add(buffer([weight]), step: step) }
        let result = buffer([.nan])
        mean.replace(result)
        return result.pointer[0]
    }

    @Test func thePlainMeanIsOfTheLastSteps() {
        #expect(mean(.init(last: 0.5), [100, 100, 1, 3]) == 2)
        #expect(mean(.init(last: 1), [4, 0, 2, 2]) == 2)
        #expect(mean(.init(last: 0.01), [9, 9, 9, 7]) == 7)
        #expect(WeightAverage.Options(last: 0.3).count(of: 150) == 45)
        #expect(WeightAverage.Options(last: 0.3).count(of: 1) == 1)
    }

    @Test func theExponentialMeanBeginsWithTheFirstOfThem() {
        // 8, then 0.75 · 8 + 0.25 · 4 = 7, then 0.75 · 7 + 0.25 · 3 = 6.
        #expect(mean(.init(last: 0.75, decay: 0.75), [1000, 8, 4, 3]) == 6)
        #expect(mean(.init(last: 1, decay: 0), [1, 2, 5]) == 5)
    }

    @Test("threads don't show, and every element is averaged")
    func threads() {
        let count = 200_003
        let results = [1, 3].map { threads -> [Float] in
            let mean = WeightAverage(.init(last: 1), elements: count, steps: 3, threads: threads)
            for step in 0..<3 {
                var stream = RandomStream(seed: 1, purpose: "test", sample: UInt64(step))
                mean.add(buffer((0..<count).map { _ in Float(stream.nextDouble()) }), step: step)
            }
            return (0..<count).map { mean.values.pointer[$0] }
        }
        #expect(results[0] == results[1])
        #expect(results[0].allSatisfy { $0 > 0 && $0 < 1 })
    }
}
