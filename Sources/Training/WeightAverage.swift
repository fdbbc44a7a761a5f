public import Numerics

/// The mean of what a training changed, over the weights after each of its last steps.
///
/// Each element is a sum of its own in a fixed order, so that neither threads nor a resume show.
public final class WeightAverage {
    /// Over which steps, and how.
    public struct Options: Sendable, Hashable {
        /// Share of the steps, at the end, whose weights are averaged.
        public var last: Double
        /// What an exponential mean keeps of itself at each step; nil for the plain mean of all.
        public var decay: Double?

        public init(last: Double, decay: Double? = nil) {
            self.last = last
            self.decay = decay
        }

        /// How many of the steps are averaged: at least the last one.
        public func count(of steps: Int) -> Int {
            max(1, min(steps, Int((last * Double(steps)).rounded())))
        }
    }

    private let options: Options
    private let steps: Int
    /// How many threads it uses; results don't show them.
    public var threads: Int
    /// The mean so far, in the order of what is trained.
    public let values: FloatBuffer
    /// How many steps' weights are in it; part of the state.
    public var count = 0

    /// A mean of nothing yet.
    /// - Parameters:
    ///   - elements: how many numbers are trained.
    ///   - steps: how many steps the training has.
    public init(_ options: Options, elements: Int, steps: Int, threads: Int) {
        self.options = options
        self.steps = steps
        self.threads = threads
        values = FloatBuffer(zeros: elements)
    }

    /// Takes the weights after a step, from 0; those before the last ones are left out.
    public func add(_ weights: FloatBuffer, step: Int) {
        precondition(weights.count == values.count, "\(weights.count) weights for a mean of \(values.count)")
        guard step >= steps - options.count(of: steps) else { return }
        count += 1
        let isFirst = count == 1
        let rate = options.decay.flatMap { isFirst ? nil : Float(1 - $0) } ?? 1 / Float(count)
        let (mean, piece) = (values, 1 << 16)
        Threads.parallelFor((weights.count + piece - 1) / piece, threads: threads) { (part: Int) -> Void in
            for i in part * piece..<min((part + 1) * piece, weights.count) {
                let old = mean.pointer[i]
                mean.pointer[i] = old + rate * (weights.pointer[i] - old)
            }
        }
    }

    /// Puts the mean where the weights are.
    public func replace(_ weights: FloatBuffer) {
        precondition(count > 0, "a mean of no weights")
        weights.copy(from: values)
    }
}
