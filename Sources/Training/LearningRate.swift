#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A learning-rate schedule as a factor on the base rate: linear warm-up, constant, decay.
public struct LearningRateSchedule: Sendable, Hashable {
    /// How the decay goes.
    public enum Shape: String, Sendable, CaseIterable {
        case linear
        /// Half a cosine wave, as the schedule `cosine` of transformers has it.
        case cosine
    }

    public var steps: Int
    /// Steps over which the factor rises to 1.
    public var warmup: Int
    /// Share of the steps, at the end, over which the factor falls.
    public var decayShare: Double
    /// The factor that the decay ends at.
    public var finalFactor: Double
    public var shape: Shape

    public init(
        steps: Int, warmup: Int = 0, decayShare: Double = 0, finalFactor: Double = 0.02,
        shape: Shape = .linear
    ) {
        self.steps = steps
        self.warmup = warmup
        self.decayShare = decayShare
        self.finalFactor = finalFactor
        self.shape = shape
    }

    /// The factor at step `step`, from 0.
    public func factor(at step: Int) -> Double {
        let rise = warmup > 0 ? min(1, Double(step + 1) / Double(warmup)) : 1
        let decaySteps = decayShare * Double(steps)
        let remaining = Double(steps - step)
        let left = decaySteps > 0 ? min(1, remaining / decaySteps) : 1
        let fall = shape == .linear ? left : (1 - cos(.pi * left)) / 2
        return rise * (finalFactor + (1 - finalFactor) * fall)
    }
}
