internal import ArtifactStore
internal import Audit
internal import Recipes
internal import Runs
internal import Transformers

/// The size of one forward pass, or of one forward and backward pass, of a model.
struct PassShape: Hashable {
    var configuration: TransformerConfiguration
    /// Sequences of the batch.
    var sequences: Int
    /// Tokens of a sequence that are fed in.
    var tokens: Int
    /// Tokens of a sequence that are in its cache.
    var cached: Int
    /// Rows of a sequence whose logits are computed.
    var logitRows: Int

    init(
        _ configuration: TransformerConfiguration, sequences: Int, tokens: Double, cached: Double = 0,
        logitRows: Double
    ) {
        self.configuration = configuration
        self.sequences = max(1, sequences)
        self.tokens = max(1, Int(tokens.rounded()))
        self.cached = max(0, Int(cached.rounded()))
        self.logitRows = min(self.tokens, max(1, Int(logitRows.rounded())))
    }

    /// Floating-point operations of the products of a forward pass: each multiply-add counts two.
    ///
    /// Per token and layer the four projections of the attention and the three of the feed-forward layer, and for each
    /// of its keys a product with query and value; per wanted row the head.
    var forwardOperations: Double {
        let c = configuration
        let (d, q, kv) = (Double(c.width), Double(c.queryWidth), Double(c.keyValueWidth))
        let linear = 2 * (2 * d * q + 2 * d * kv + 3 * d * Double(c.feedForwardWidth))
        let attention = 4 * q * Double(tokens + cached)
        let head = 2 * d * Double(c.vocabulary)
        return Double(sequences)
            * (Double(tokens) * Double(c.layers) * (linear + attention) + Double(logitRows) * head)
    }

    /// Forward, the gradients of inputs and weights, and the head once more, which is streamed.
    var trainingOperations: Double {
        let head = 2 * Double(configuration.width) * Double(configuration.vocabulary)
        return 3 * forwardOperations + Double(sequences * logitRows) * head
    }

    /// The same of an adapter: blocks are computed forward once or again, then the gradients of inputs, and for each of the
    /// adapter's elements a multiply-add per forward and two and a half on the way back.
    ///
    /// - Parameter share: elements of the adapter per parameter of the model.
    func adapterOperations(share: Double, forwards: Int) -> Double {
        let head = 2 * Double(configuration.width) * Double(configuration.vocabulary)
        let rows = Double(sequences * logitRows)
        let elements = share * Double(configuration.parameterCount)
        return Double(forwards + 1) * forwardOperations + rows * head
            + 2 * Double(sequences * tokens) * elements * (Double(forwards) + 2.5)
    }

    /// Bytes of scratch memory of a forward pass.
    var forwardBytes: Double {
        let c = configuration
        let row = 5 * c.width + 2 * c.keyValueWidth + 2 * c.queryWidth + 3 * c.feedForwardWidth
        let caches = cached > 0 ? 2 * c.layers * c.keyValueWidth * (cached + tokens) : 0
        return 4
            * (Double(sequences)
                * (Double(tokens) * Double(row) + Double(caches) + Double(logitRows) * Double(c.vocabulary))
                + Double(tokens) * Double(tokens + cached))
    }

    /// A pass of the same kind with at most so many operations and weights, small enough to be tried out.
    ///
    /// Layers go first, because time is proportional to them, then sequences down to where products stop filling the
    /// machine, then widths.
    func reduced(operations limit: Double, parameters: Int) -> PassShape {
        var shape = self
        // No special token has to fit into a smaller vocabulary.
        shape.configuration.maskToken = nil
        shape.configuration.endToken = nil
        func fits() -> Bool {
            shape.forwardOperations <= limit && shape.configuration.parameterCount <= parameters
        }
        if !fits() { shape.configuration.layers = 1 }
        while !fits(), shape.sequences > 1, shape.sequences * shape.tokens >= 1024 { shape.sequences /= 2 }
        while !fits(), shape.configuration.width >= 128, shape.configuration.heads % 2 == 0 {
            shape.configuration.width /= 2
            shape.configuration.heads /= 2
            shape.configuration.keyValueHeads = max(1, shape.configuration.keyValueHeads / 2)
            shape.configuration.feedForwardWidth = max(2, shape.configuration.feedForwardWidth / 2)
            shape.configuration.vocabulary = max(8, shape.configuration.vocabulary / 2)
        }
        while !fits(), shape.configuration.vocabulary > 1024 { shape.configuration.vocabulary /= 2 }
        while !fits(), shape.tokens > 16 {
            shape.tokens /= 2
            shape.cached /= 2
            shape.logitRows = max(1, shape.logitRows / 2)
        }
        // A sparse choice of heads or a huge feed-forward layer may still be too large.
        while !fits(), shape.configuration.feedForwardWidth > 64 { shape.configuration.feedForwardWidth /= 2 }
        return shape
    }
}
