import Numerics
import Testing
import Transformers

@testable import Training

@Suite struct SchedulesTests {
    @Test("the mask ratio's lower bound grows linearly with the steps")
    func ratio() {
        func bound(_ step: Int, of steps: Int) -> Double {
            Curriculum.ratioLowerBound(step: step, of: steps, minimum: 0.2, maximum: 0.8)
        }
        #expect(bound(0, of: 100) == 0.2)
        #expect(abs(bound(50, of: 100) - 0.5) < 1e-12)
        #expect(abs(bound(100, of: 100) - 0.8) < 1e-12)
        #expect(abs(bound(200, of: 100) - 0.8) < 1e-12)
        #expect(bound(5, of: 0) == 0.2)
    }

    @Test("the window's length runs linearly between the epochs' lengths and then stays")
    func windowLength() {
        let sizes = [16, 24, 32]
        func length(_ epoch: Double?) -> Int { Curriculum.windowLength(sizes, epoch: epoch) }
        #expect(length(nil) == 16 && length(0) == 16 && length(-1) == 16)
        #expect(length(0.5) == 20 && length(0.99) == 23 && length(1) == 24 && length(1.25) == 26)
        #expect(length(2) == 32 && length(7.3) == 32)
        #expect(Curriculum.windowLength([32], epoch: 0.7) == 32)
    }

    @Test("the learning rate warms up, stays, and falls to its final factor")
    func learningRate() {
        let schedule = LearningRateSchedule(steps: 100, warmup: 10, decayShare: 0.2, finalFactor: 0.1)
        #expect(abs(schedule.factor(at: 0) - 0.1) < 1e-12)
        #expect(abs(schedule.factor(at: 4) - 0.5) < 1e-12)
        #expect(schedule.factor(at: 9) == 1 && schedule.factor(at: 50) == 1 && schedule.factor(at: 80) == 1)
        #expect(abs(schedule.factor(at: 90) - 0.55) < 1e-12)
        #expect(abs(schedule.factor(at: 100) - 0.1) < 1e-12)
        for step in 80..<100 { #expect(schedule.factor(at: step + 1) < schedule.factor(at: step)) }
        let constant = LearningRateSchedule(steps: 10)
        for step in 0..<10 { #expect(constant.factor(at: step) == 1) }
    }

    @Test("a cosine goes from 1 over one half to its final factor, flat at both ends")
    func cosine() {
        let schedule = LearningRateSchedule(
            steps: 100, warmup: 20, decayShare: 0.8, finalFactor: 0, shape: .cosine)
        #expect(abs(schedule.factor(at: 20) - 1) < 1e-12)
        #expect(abs(schedule.factor(at: 60) - 0.5) < 1e-12)
        // As transformers computes it: (1 + cos(π · progress)) / 2; a quarter of the way it is (1 + √½) / 2.
        #expect(abs(schedule.factor(at: 40) - 0.853_553_390_593_273_8) < 1e-12)
        #expect(abs(schedule.factor(at: 100)) < 1e-12)
        for step in 20..<100 { #expect(schedule.factor(at: step + 1) < schedule.factor(at: step)) }
    }

    @Test("clipping scales gradients down to the limit and leaves smaller ones alone")
    func clipping() {
        let gradients = FlatParameters(zeros: Tiny.configuration())
        gradients.buffer.pointer[0] = 3
        gradients.buffer.pointer[7] = -4
        #expect(GradientClipping.norm(gradients.buffer) == 5)
        #expect(abs(GradientClipping.scale(norm: 5, maximum: 1) - 0.2) < 1e-6)
        #expect(GradientClipping.scale(norm: 0.5, maximum: 1) == 1)
        #expect(GradientClipping.scale(norm: 0, maximum: 1) == 1)
    }
}
