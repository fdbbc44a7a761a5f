package import Numerics
public import Transformers

/// What a training run changes.
package protocol Trainee: AnyObject {
    /// What the optimiser changes and checkpoints keep.
    var trained: FloatBuffer { get }
    /// Whether others can compute lanes of its batches.
    var takesHelpers: Bool { get }

    /// Computes losses and gradients of batches, from what ``trained`` holds at each call.
    ///
    /// - Parameters:
    ///   - threads: how many threads to use; results don't show them.
    ///   - precision: what products of linear layers are computed in.
    ///   - helpers: who else computes lanes; nil where nobody does.
    /// - Throws: `BLASError` when no matrix library can be loaded.
    func batchLoss(
        threads: Int, precision: TrainingPrecision, helpers: (any LaneHelpers)?
    ) throws -> any BatchLoss
}

/// Loss of batches, and the gradient of what is trained.
package protocol BatchLoss: AnyObject {
    /// How many threads it uses; results don't show them.
    var threads: Int { get set }

    /// Computes loss and gradient; the latter is in ``trainedGradient`` until the next call.
    func compute(_ batch: LossBatch) -> LossReport

    /// The gradient of the last batch, in the order of ``Trainee/trained``.
    var trainedGradient: FloatBuffer { get }
}

/// Training of all parameters.
package final class FullTraining: Trainee {
    package let weights: FlatParameters
    package var trained: FloatBuffer { weights.buffer }
    package var takesHelpers: Bool { true }

    package init(_ parameters: FlatParameters) { weights = parameters }

    package func batchLoss(
        threads: Int, precision: TrainingPrecision, helpers: (any LaneHelpers)?
    ) throws -> any BatchLoss {
        try BatchGradient(weights, threads: threads, precision: precision, helpers: helpers)
    }
}

extension BatchGradient: BatchLoss {
    package var trainedGradient: FloatBuffer { gradient.buffer }
}

/// Random initial weights.
public struct Initialization: Sendable, Hashable {
    /// Standard deviation of the embedding.
    public var embedding: Double
    /// Standard deviation of the other matrices.
    public var matrices: Double

    public init(embedding: Double = 1, matrices: Double = 0.02) {
        self.embedding = embedding
        self.matrices = matrices
    }

    /// Parameters drawn from normal distributions; norms are 1, biases 0, and the matrices that write to the
    /// residual stream are scaled by 1/√(2 · layers).
    public func parameters(_ configuration: TransformerConfiguration, seed: UInt64) -> FlatParameters {
        let flat = FlatParameters(zeros: configuration)
        for (i, (specification, _)) in flat.specifications.enumerated() {
            var stream = RandomStream(seed: seed, purpose: "initialization", sample: UInt64(i))
            let elements = flat.elements(of: i)
            if let deviation = deviation(specification, configuration) {
                for j in elements.indices { elements[j] = Float(stream.nextNormal() * deviation) }
            } else if specification.isNorm {
                elements.update(repeating: 1)
            }
        }
        return flat
    }

    private func deviation(
        _ specification: ParameterSpecification, _ configuration: TransformerConfiguration
    ) -> Double? {
        if specification.isVector { return nil }
        switch specification.role {
        case .embedding: return embedding
        case .block(_, .attentionOutput), .block(_, .down):
            return matrices / Double(2 * configuration.layers).squareRoot()
        default: return matrices
        }
    }
}

/// The mean of what a training changed, over the weights after each of its last steps.
///
/// Each element is a sum of its own in a fixed order, so that neither threads nor a resume show.
package final class WeightAverage {
    /// Over which steps, and how.
    package struct Options: Sendable, Hashable {
        /// Share of the steps, at the end, whose weights are averaged.
        package var last: Double
        /// What an exponential mean keeps of itself at each step; nil for the plain mean of all.
        package var decay: Double?

        package init(last: Double, decay: Double? = nil) {
            self.last = last
            self.decay = decay
        }

        /// How many of the steps are averaged: at least the last one.
        package func count(of steps: Int) -> Int {
            max(1, min(steps, Int((last * Double(steps)).rounded())))
        }
    }

    private let options: Options
    private let steps: Int
    /// How many threads it uses; results don't show them.
    package var threads: Int
    /// The mean so far, in the order of what is trained.
    package let values: FloatBuffer
    /// How many steps' weights are in it; part of the state.
    package var count = 0

    /// A mean of nothing yet.
    /// - Parameters:
    ///   - elements: how many numbers are trained.
    ///   - steps: how many steps the training has.
    package init(_ options: Options, elements: Int, steps: Int, threads: Int) {
        self.options = options
        self.steps = steps
        self.threads = threads
        values = FloatBuffer(zeros: elements)
    }

    /// Takes the weights after a step, from 0; those before the last ones are left out.
    package func add(_ weights: FloatBuffer, step: Int) {
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
    package func replace(_ weights: FloatBuffer) {
        precondition(count > 0, "a mean of no weights")
        weights.copy(from: values)
    }
}
