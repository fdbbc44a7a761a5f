import Numerics
import Testing
import Transformers

@testable import Training

/// The loss of coupled GRPO; recorded cases of upstream's code are among the parity cases.
@Suite struct CoupledPolicyTests {
    private let mask: Int32 = 10

    private func sample(_ advantage: Double, ratio: Double = 0.4) -> CoupledPolicy.Sample {
        CoupledPolicy.Sample(
            prompt: [1, 2, 3], completion: [5, 6, 7, 8], counts: [true, true, true, false],
            advantage: advantage,
            masked: [true, false, false, true], ratio: ratio)
    }

    @Test("an advantage is the reward less the mean of the others of its group")
    func advantages() {
        #expect(
            CoupledPolicy.advantages([1, 2, 6, 0, 0, 3], groupSize: 3) == [-3, -1.5, 4.5, -1.5, -1.5, 3])
        // Deviations within a group of two: ±1/√2 of the distance.
        let scaled = CoupledPolicy.advantages([1, 3], groupSize: 2, isScaled: true)
        #expect(abs(scaled[1] - 2 / (2.squareRoot() + 1e-4)) < 1e-12 && scaled[0] == -scaled[1])
    }

    @Test("each token is estimated from the whole mask and from the forward of the pair that masks it")
    func estimates() throws {
        let model = try Transformer(over: Tiny.parameters(Tiny.configuration(layers: 2)))
        let found = CoupledPolicy().estimates([sample(1)], model: model, mask: mask)[0]
        func loss(_ tokens: [Int32], _ row: Int, _ target: Int32) -> Double {
            let logits = model.logits([ForwardInput(tokens: tokens)], Workspace())
            return Double(Kernels.rowLoss(logits.row(row), target: target, temperature: 1).crossEntropy)
        }
        let shift = model.configuration.logitShift ? 1 : 0
        let whole = [1, 2, 3, mask, mask, mask, mask]
        let first = -loss(whole, 3 - shift, 5) / 2 - loss([1, 2, 3, mask, 6, 7, mask], 3 - shift, 5) / 0.8
        let second = -loss(whole, 4 - shift, 6) / 2 - loss([1, 2, 3, 5, mask, mask, 8], 4 - shift, 6) / 1.2
        #expect(abs(found[0] - first) < 1e-6 && abs(found[1] - second) < 1e-6)
    }

    @Test("the batch's gradient is that of the loss, with a reference, and where the ratio is cut off")
    func gradient() throws {
        let parameters = Tiny.parameters(Tiny.configuration(layers: 2))
        let model = try Transformer(over: parameters)
        var objective = CoupledPolicy()
        objective.divergenceWeight = 0.1
        var samples = [sample(1.5), sample(-0.5, ratio: 0.7)]
        let own = objective.estimates(samples, model: model, mask: mask)
        // Ratios e⁰·¹, e⁻² and e⁰·⁶ with an advantage above and one below zero: two of them are cut off.
        for index in samples.indices {
            samples[index].written = zip(own[index], [0.1, -2, 0.6, 0]).map { $0 - $1 }
            samples[index].reference = own[index].map { $0 + 0.3 }
        }
        let (batch, report) = objective.batch(samples, model: model, mask: mask)
        #expect(report.clippedBelow == 1 / 6.0 && report.clippedAbove == 1 / 6.0)
        let gradient = try BatchGradient(parameters, threads: 1)
        _ = gradient.compute(batch)
        let norm = Kernels.sumOfSquares(
            UnsafeBufferPointer(
                start: gradient.gradient.buffer.pointer, count: gradient.gradient.buffer.count)
        ).squareRoot()
        let step = 1e-3 / norm
        func loss(_ sign: Double) -> Double {
            let moved = FlatParameters(copying: model)
            for index in 0..<moved.buffer.count {
                moved.buffer.pointer[index] += Float(
                    sign * step * Double(gradient.gradient.buffer.pointer[index]))
            }
            guard let other = try? Transformer(over: moved) else { return .nan }
            return objective.batch(samples, model: other, mask: mask).report.loss
        }
        let slope = (loss(1) - loss(-1)) / (2 * step)
        #expect(abs(slope - norm * norm) < 0.02 * norm * norm, "\(slope), \(norm * norm)")
    }
}
