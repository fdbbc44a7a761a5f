internal import Numerics
internal import Training
internal import Transformers

/// Bytes that stages take, counted from what they allocate.
enum MemoryModel {
    /// The program with its libraries, their threads' buffers, and the runner.
    static let program = 60e6
    /// A problem as the stages that train or decode hold it, while its file is parsed.
    static let problem = 1600.0

    /// A model that decodes: its weights, and the scratch memory of a pass on each thread.
    ///
    /// - Parameter precision: What linear layers are kept in; in less than 32 bits they are packed, while embeddings
    ///   stay as they are stored, in bfloat16 with checkpoints that are packed.
    static func decoding(
        _ shape: PassShape, threads: Int, precision: WeightPrecision = .float32
    ) -> Double {
        let c = shape.configuration
        let parameters = Double(c.parameterCount)
        let embedding = Double(c.vocabulary * c.width)
        // A tied head is packed beside the embedding.
        let packed = parameters - embedding + (c.tiedHead ? embedding : 0)
        let weights =
            switch precision {
            case .float32: 4 * parameters
            case .bfloat16: 2 * packed + 2 * embedding
            case .int8: packed + 2 * embedding
            }
        return weights + Double(threads) * shape.forwardBytes
    }

    /// A model in training.
    ///
    /// Weights, the gradients of each lane, the optimiser's state, activations of all tokens of a batch or of one shard
    /// per lane, and a chunk of logits with its gradient per lane.
    static func training(
        _ shape: PassShape, keepsActivations: Bool, isMuon: Bool
    ) -> Double {
        let weights = 4 * Double(shape.configuration.parameterCount)
        // Muon's momentum and the scratch memory of its products, beside AdamW's two moments.
        let optimizer = weights * (isMuon ? 5 : 2)
        let all = Double(shape.sequences * shape.tokens)
        let shard = min(all, Double(BatchGradient.lanes) * 512)
        let tokens = keepsActivations ? all : shard
        let kept = tokens * Double(shape.configuration.activationBytes(tokens: shape.tokens))
        let activations =
            kept <= Double(BatchGradient.activationLimit)
            ? kept : tokens * Double(shape.configuration.recomputedActivationBytes(tokens: shape.tokens))
        let chunk = Double(BatchGradient.lanes * min(256, shape.logitRows * shape.sequences))
        return weights * Double(1 + BatchGradient.lanes) + optimizer + activations
            + 8 * chunk * Double(shape.configuration.vocabulary)
    }
}
