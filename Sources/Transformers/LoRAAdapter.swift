internal import Base
public import Numerics

/// Low-rank changes of some weights: W becomes W + scaling · B · A (Hu et al., arXiv 2106.09685), in PEFT's files.
///
/// Decoding uses merged weights. Training keeps the two apart (``LowRankLayers``); that the gradients of A and B also
/// follow from those of merged weights (``gradients(from:)``) is what tests compare it with.
public struct LoRAAdapter: Sendable {
    /// The change of one weight.
    public struct Pair: Sendable {
        /// Which weight, outputs × inputs.
        public let role: ParameterRole
        /// Rank × inputs.
        public let a: Matrix
        /// Outputs × rank.
        public let b: Matrix

        public init(role: ParameterRole, a: Matrix, b: Matrix) {
            (self.role, self.a, self.b) = (role, a, b)
        }
    }

    public let rank: Int
    public let alpha: Double
    /// Whether alpha is divided by the root of the rank (rank-stabilized LoRA, arXiv 2312.03732).
    public let usesRankRoot: Bool
    public let pairs: [Pair]

    /// Factor on B · A: alpha / rank, or alpha / √rank.
    public var scaling: Float {
        Float(alpha / (usesRankRoot ? Double(rank).squareRoot() : Double(rank)))
    }

    public init(rank: Int, alpha: Double, usesRankRoot: Bool = false, pairs: [Pair]) {
        precondition(rank > 0, "an adapter has a rank of at least 1")
        self.rank = rank
        self.alpha = alpha
        self.usesRankRoot = usesRankRoot
        self.pairs = pairs
    }

    static let configurationFile = "adapter_config.json"
    static let weightsFile = "adapter_model.safetensors"
    /// What PEFT puts before the names of a model's modules.
    static let prefix = "base_model.model."

    /// Name of a weight's module in PEFT's files.
    static func module(of role: ParameterRole, _ family: any ModelFamily.Type) -> String {
        let name = family.name(of: role)
        return prefix + (name.byteText.dropping(suffix: ".weight")?.text ?? name)
    }

    /// Adds the adapter to a model's weights, in place.
    public func merge(into parameters: FlatParameters) {
        for pair in pairs {
            guard let weight = parameters.views[pair.role] else {
                preconditionFailure("no weight \(pair.role)")
            }
            BLAS.multiply(pair.b, pair.a, into: weight, scale: scaling, accumulate: true)
        }
    }

    /// A weight with its change, in new memory.
    func merged(_ pair: Pair, into weight: Matrix) -> Matrix {
        let merged = MutableMatrix(zeros: weight.rows, weight.columns)
        merged.copy(from: weight)
        BLAS.multiply(pair.b, pair.a, into: merged, scale: scaling, accumulate: true)
        return merged.view
    }

    /// Gradients of A and B of every pair, in order, from the gradient of the merged weights:
    /// dA = scaling · Bᵀ · dW, dB = scaling · dW · Aᵀ.
    public func gradients(from merged: FlatParameters) -> [(a: Matrix, b: Matrix)] {
        pairs.map { pair in
            let dWeight = merged.view(of: pair.role)
            let a = MutableMatrix(zeros: pair.a.rows, pair.a.columns)
            let b = MutableMatrix(zeros: pair.b.rows, pair.b.columns)
            BLAS.multiply(pair.b, dWeight, transposeA: true, into: a, scale: scaling)
            BLAS.multiply(dWeight, pair.a, transposeB: true, into: b, scale: scaling)
            return (a.view, b.view)
        }
    }
}
