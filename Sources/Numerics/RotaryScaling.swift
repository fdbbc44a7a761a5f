/// How a model's rotary frequencies differ from the plain ones, so that it can read further than it was first trained.
///
/// The kinds and their numbers are those of transformers' `modeling_rope_utils.py`.
public enum RotaryScaling: Sendable, Hashable {
    /// The plain frequencies (transformers' `default`).
    case unscaled
    /// Every frequency is divided by `factor`: positions are interpolated (arXiv 2306.15595).
    case linear(factor: Double)
    /// Llama 3.1's: frequencies that turn less than `low` times in `originalPositions` are divided by `factor`, those that
    /// turn more than `high` times stay, and those between are interpolated.
    case llama3(factor: Double, low: Double, high: Double, originalPositions: Int)

    /// The scaled frequency, in radians per position, of a plain one.
    ///
    /// Computed in 32-bit floats in torch's order, in which a number over a tensor is the number times the reciprocals.
    func scaled(_ plain: Float) -> Float {
        switch self {
        case .unscaled: return plain
        case .linear(let factor): return plain / Float(factor)
        case .llama3(let factor, let low, let high, let originalPositions):
            let original = Double(originalPositions)
            let wavelength = 1 / plain * Float(2 * Double.pi)
            if wavelength > Float(original / low) { return plain / Float(factor) }
            if wavelength < Float(original / high) { return plain }
            let share = (1 / wavelength * Float(original) - Float(low)) / Float(high - low)
            return (1 - share) * plain / Float(factor) + share * plain
        }
    }

    /// What is inconsistent, as a sentence, or `nil`.
    public var problem: String? {
        switch self {
        case .unscaled: return nil
        case .linear(let factor): return Self.problem(factor)
        case .llama3(let factor, let low, let high, let originalPositions):
            if let problem = Self.problem(factor) { return problem }
            guard low > 0, high > low, high <= Self.limit else {
                return "the rotary scaling can't lie between \(low) and \(high) turns"
            }
            guard originalPositions >= 1, originalPositions <= 1 << 30 else {
                return "the rotary scaling can't be of \(originalPositions) positions"
            }
            return nil
        }
    }

    /// The largest factor that makes sense of a number.
    public static let limit = 1e6

    private static func problem(_ factor: Double) -> String? {
        factor >= 1 && factor <= limit ? nil : "the rotary scaling can't have the factor \(factor)"
    }
}

/// Cosines and sines of the rotary position embedding, one row per position (P × K/2).
///
/// Computed in 32-bit floats in the order in which the upstream models do (frequency, then angle, then cosine),
/// so that far positions agree with them to the last bits.
public struct RotaryTable: Sendable {
    public let cosine: Matrix
    public let sine: Matrix

    /// - Parameters:
    ///   - positions: number of positions.
    ///   - headWidth: K; even.
    ///   - theta: base of the frequencies.
    ///   - scaling: how the frequencies differ from those of the base.
    public init(positions: Int, headWidth: Int, theta: Double, scaling: RotaryScaling = .unscaled) {
        precondition(headWidth % 2 == 0, "rotary embedding needs an even head width, not \(headWidth)")
        let half = headWidth / 2
        let cosine = MutableMatrix(zeros: positions, half)
        let sine = MutableMatrix(zeros: positions, half)
        for i in 0..<half {
            let frequency = scaling.scaled(
                1 / Elementary.pow(Float(theta), Float(2 * i) / Float(headWidth)))
            for p in 0..<positions {
                let angle = Float(p) * frequency
                cosine[p, i] = Elementary.cos(angle)
                sine[p, i] = Elementary.sin(angle)
            }
        }
        self.cosine = cosine.view
        self.sine = sine.view
    }
}
