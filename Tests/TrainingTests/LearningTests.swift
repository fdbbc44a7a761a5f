import Numerics
import Testing
import Transformers

@testable import Training

/// The objectives teach: a one-layer model learns four examples by heart in 200 steps.
@Suite struct LearningTests {
    /// Four examples, each of them four times.
    private func examples() throws -> [TrainingExample] {
        try (0..<16).map { i in
            let i = i % 4
            return try #require(
                TrainingExample(
                    prompt: Tiny.tokens(4, seed: UInt64(i)), response: Tiny.tokens(6, seed: UInt64(50 + i)),
                    endToken: 0, generationLength: 8))
        }
    }

    /// Mean loss of the last ten of 200 steps.
    private func finalLoss(
        _ c: TransformerConfiguration, optimizer: (any Optimizer)? = nil,
        seed: UInt64 = 1, _ batch: (Int, inout RandomStream) -> LossBatch
    ) throws -> Double {
        let parameters = Initialization(embedding: 1, matrices: 0.1).parameters(c, seed: 2)
        let gradient = try BatchGradient(parameters, threads: 2)
        let optimizer = optimizer ?? AdamW(c, .init(learningRate: 0.01), decays: { !$0.isVector })
        let schedule = LearningRateSchedule(steps: 200, warmup: 10, decayShare: 0.3)
        var last: [Double] = []
        for step in 0..<200 {
            var stream = RandomStream(seed: seed, purpose: "learning", sample: UInt64(step))
            last.append(gradient.compute(batch(step, &stream)).total)
            optimizer.step(
                parameters, gradient.gradient,
                gradientScale: GradientClipping.scale(
                    norm: GradientClipping.norm(gradient.gradient.buffer), maximum: 1),
                factor: schedule.factor(at: step))
        }
        #expect(last[0] > 1, "there was something to learn")
        return last.suffix(10).reduce(0, +) / 10
    }

    private var configuration: TransformerConfiguration {
        var c = TransformerConfiguration(layers: 1, width: 32, heads: 2, feedForwardWidth: 64, vocabulary: 16)
        c.maskToken = Tiny.mask
        c.endToken = 0
        return c
    }

    /// Batches of four rows per example.
    private func batcher(_ objective: PretrainingObjective) -> PretrainingBatcher {
        PretrainingBatcher(
            shares: [.init(objective, rows: 16, weight: 1)], windowLength: 4, paddingWeight: 1,
            maskToken: Tiny.mask)
    }

    /// Every token follows from the prompt, so that the loss can fall to nothing.
    @Test("next-token prediction")
    func autoregressive() throws {
        let examples = try examples()
        let loss = try finalLoss(configuration) { _, stream in
            batcher(.autoregressive).batch(examples, configuration, &stream)
        }
        #expect(loss < 0.05)
    }

    @Test("masked prediction at uniform ratios, with and without shifted logits", arguments: [false, true])
    func maskedUniform(shift: Bool) throws {
        let examples = try examples()
        var c = configuration
        c.logitShift = shift
        let loss = try finalLoss(c) { _, stream in batcher(.maskedUniform).batch(examples, c, &stream) }
        #expect(loss < 0.2)
    }

    @Test("masked prediction with Muon")
    func muon() throws {
        let examples = try examples()
        let c = configuration
        let muon = Muon(
            c, .init(learningRate: 0.02), adam: .init(learningRate: 0.01), threads: 1)
        let loss = try finalLoss(c, optimizer: muon) { _, stream in
            batcher(.maskedUniform).batch(examples, c, &stream)
        }
        #expect(loss < 0.2)
    }

    /// The total is (CE + CE of the complement + 2 · entropy) / 4; a student that is right and certain has 0.
    ///
    /// How far 200 steps lead depends on the draws, from 0.02 to 0.5, and on last bits with them: the median of five.
    @Test("the d3LLM loss along trajectories")
    func d3llm() throws {
        let examples = try examples()
        let c = configuration
        let trajectory = TrajectoryMask.Trajectory(
            states: 8, unmaskStep: [0, 0, 0, 0, 2, 0, 1, 4, 3, 6, 5, 7])
        let losses = try (1...5).map { seed in
            try finalLoss(c, seed: seed) { step, stream in
                let low = Curriculum.ratioLowerBound(step: step, of: 200, minimum: 0, maximum: 0.8)
                let windows = examples.map { example in
                    TrajectoryMask.window(
                        length: example.tokens.count, promptLength: example.prompt.count,
                        fullLength: example.tokens.count, trajectory: trajectory,
                        .init(
                            windowLength: Curriculum.windowLength([2, 4], epoch: Double(step) / 100),
                            ratio: low + (0.8 - low) * stream.nextDouble()), &stream)
                }
                return D3LLMObjective().batch(
                    rows: examples.map(\.tokens), windows: windows, c, mask: Tiny.mask)
            }
        }
        #expect(losses.sorted()[2] < 0.2)
    }
}
