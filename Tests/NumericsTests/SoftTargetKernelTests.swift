import Testing

@testable import Numerics

@Suite struct SoftTargetKernelTests {
    private func distribution(_ count: Int) -> [Float] {
        let raw = numbers(count, seed: 31).map { $0 + 1.1 }
        let sum = raw.reduce(0, +)
        return raw.map { $0 / sum }
    }

    @Test("soft cross-entropy and its gradient agree with the formula", arguments: [1, 7, 16, 33, 300])
    func softCrossEntropy(v: Int) {
        let (x, target) = (numbers(v, seed: 30, scale: 5), distribution(v))
        let top = Double(x.max()!)
        let e = x.map { Elementary.exp(Double($0) - top) }
        let sum = e.reduce(0, +)
        let expected = zip(x, target).reduce(0) {
            $0 + Double($1.1) * (Elementary.log(sum) + top - Double($1.0))
        }
        var gradient = [Float](repeating: 0, count: v)
        var probabilities = gradient
        x.withUnsafeBufferPointer { x in
            target.withUnsafeBufferPointer { target in
                #expect(
                    abs(Double(Kernels.softCrossEntropy(x, target: target)) - expected) < 2e-5
                        * max(1, expected))
                gradient.withUnsafeMutableBufferPointer {
                    Kernels.softCrossEntropyBackward(x, target: target, weight: 1.5, into: $0)
                }
            }
            probabilities.withUnsafeMutableBufferPointer { Kernels.softmax(x, into: $0) }
        }
        for i in 0..<v {
            #expect(abs(Double(probabilities[i]) - e[i] / sum) < 1e-6)
            #expect(abs(Double(gradient[i]) - 1.5 * (e[i] / sum - Double(target[i]))) < 3e-6)
        }
    }

    @Test("against a one-hot distribution it is the ordinary cross-entropy")
    func oneHot() {
        let x = numbers(20, seed: 33, scale: 4)
        let target = (0..<20).map { Float($0 == 6 ? 1 : 0) }
        x.withUnsafeBufferPointer { x in
            let soft = target.withUnsafeBufferPointer { Kernels.softCrossEntropy(x, target: $0) }
            #expect(abs(soft - Kernels.rowLoss(x, target: 6, temperature: 1).crossEntropy) < 1e-5)
        }
    }
}
