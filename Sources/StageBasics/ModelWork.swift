internal import ArtifactStore
package import Numerics
internal import Recipes
package import Runs
internal import Training
package import Transformers

/// The pieces of work whose speed is measured.
package enum ModelWork: Hashable {
    /// A forward pass on one thread while all other threads do the same.
    case forward(PassShape)
    /// Loss and gradient of a batch on all threads; whether all activations are kept until the loss is known.
    case gradient(PassShape, keepsActivations: Bool)
    /// Loss and gradient of an adapter of a batch on all threads: the share of the parameters that it has, how often blocks
    /// are computed forward, and whether products are in bfloat16.
    case adapterGradient(PassShape, share: Double, forwards: Int, isHalf: Bool)
    /// A step of Muon, or of AdamW, on all threads.
    case optimizer(TransformerConfiguration, isMuon: Bool)
    /// What a decoder does for one sequence between two forwards, on one thread while all others do the same.
    case decoderStep
    /// Generating a problem and writing it.
    case generateProblem
    /// Reading a problem and cutting it into tokens.
    case readProblem
    /// One problem of one setting in one round of the bootstrap.
    case bootstrap
    /// Writing a megabyte to the store's disk.
    case writeMegabyte
}

extension FactName {
    fileprivate static let sequences = FactName("sequences")
    fileprivate static let tokens = FactName("tokens")
    fileprivate static let cached = FactName("cached")
    fileprivate static let logitRows = FactName("logitRows")
    fileprivate static let keepsActivations = FactName("keepsActivations")
    fileprivate static let isMuon = FactName("isMuon")
    fileprivate static let share = FactName("share")
    fileprivate static let forwards = FactName("forwards")
    fileprivate static let isHalf = FactName("isHalf")
}

extension ModelWork {
    /// As forecasts ask for it.
    package var work: Work {
        switch self {
        case .forward(let shape): Work("forward", shape.facts)
        case .gradient(let shape, let keeps):
            Work("gradient", shape.facts.merging([.keepsActivations: keeps ? 1 : 0]))
        case .adapterGradient(let shape, let share, let forwards, let isHalf):
            Work(
                "adapterGradient",
                shape.facts.merging([
                    .share: share, .forwards: Double(forwards), .isHalf: isHalf ? 1 : 0,
                ]))
        case .optimizer(let configuration, let isMuon):
            Work("optimizer", Facts(configuration).merging([.isMuon: isMuon ? 1 : 0]))
        case .decoderStep: Work("decoderStep", [:])
        case .generateProblem: Work("generateProblem", [:])
        case .readProblem: Work("readProblem", [:])
        case .bootstrap: Work("bootstrap", [:])
        case .writeMegabyte: Work("writeMegabyte", [:])
        }
    }

    /// The work that was asked for; nil for work of another module.
    package init?(_ work: Work) {
        switch work.name {
        case "forward":
            guard let shape = PassShape(work.size) else { return nil }
            self = .forward(shape)
        case "gradient":
            guard let shape = PassShape(work.size) else { return nil }
            self = .gradient(shape, keepsActivations: work.size.count(.keepsActivations) == 1)
        case "adapterGradient":
            guard let shape = PassShape(work.size), let share = work.size[.share],
                let forwards = work.size.count(.forwards)
            else { return nil }
            self = .adapterGradient(
                shape, share: share, forwards: forwards, isHalf: work.size.count(.isHalf) == 1)
        case "optimizer":
            guard let configuration = work.size.configuration else { return nil }
            self = .optimizer(configuration, isMuon: work.size.count(.isMuon) == 1)
        case "decoderStep": self = .decoderStep
        case "generateProblem": self = .generateProblem
        case "readProblem": self = .readProblem
        case "bootstrap": self = .bootstrap
        case "writeMegabyte": self = .writeMegabyte
        default: return nil
        }
    }

    /// Floating-point operations of its products; 1 where there are none.
    package var operations: Double {
        switch self {
        case .forward(let shape): shape.forwardOperations
        case .gradient(let shape, _): shape.trainingOperations
        case .adapterGradient(let shape, let share, let forwards, _):
            shape.adapterOperations(share: share, forwards: forwards)
        case .optimizer(let configuration, let isMuon): configuration.updateOperations(isMuon: isMuon)
        case .decoderStep, .generateProblem, .readProblem, .bootstrap, .writeMegabyte: 1
        }
    }

    /// Whether what is known of one says something of the other.
    package func isLike(_ other: ModelWork) -> Bool {
        switch (self, other) {
        case (.forward, .forward), (.gradient, .gradient): true
        case (.adapterGradient(_, _, _, let a), .adapterGradient(_, _, _, let b)): a == b
        case (.optimizer(_, let a), .optimizer(_, let b)): a == b
        default: self == other
        }
    }
}

extension PassShape {
    fileprivate var facts: Facts {
        Facts(configuration).merging([
            .sequences: Double(sequences), .tokens: Double(tokens), .cached: Double(cached),
            .logitRows: Double(logitRows),
        ])
    }

    fileprivate init?(_ facts: Facts) {
        guard let configuration = facts.configuration, let sequences = facts.count(.sequences),
            let tokens = facts[.tokens], let cached = facts[.cached], let rows = facts[.logitRows]
        else { return nil }
        self.init(configuration, sequences: sequences, tokens: tokens, cached: cached, logitRows: rows)
    }
}

extension TransformerConfiguration {
    /// Operations of an optimiser's step: about ten per parameter for AdamW; for Muon the five iterations of three
    /// products on each matrix of the blocks besides.
    package func updateOperations(isMuon: Bool) -> Double {
        let elementwise = 10 * Double(parameterCount)
        guard isMuon else { return elementwise }
        var one = self
        one.layers = 1
        let perLayer = one.parameterSpecifications.reduce(0.0) { sum, specification in
            guard case .block = specification.role, !specification.isVector else { return sum }
            let (rows, columns) = (Double(specification.rows), Double(specification.columns))
            let side = min(rows, columns)
            return sum + 5 * (4 * rows * columns * side + 2 * side * side * side)
        }
        return elementwise + Double(layers) * perLayer
    }
}

/// The size of one forward pass, or of one forward and backward pass, of a model.
package struct PassShape: Hashable {
    package var configuration: TransformerConfiguration
    /// Sequences of the batch.
    package var sequences: Int
    /// Tokens of a sequence that are fed in.
    package var tokens: Int
    /// Tokens of a sequence that are in its cache.
    package var cached: Int
    /// Rows of a sequence whose logits are computed.
    package var logitRows: Int

    package init(
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
    package var forwardOperations: Double {
        let c = configuration
        let (d, q, kv) = (Double(c.width), Double(c.queryWidth), Double(c.keyValueWidth))
        let linear = 2 * (2 * d * q + 2 * d * kv + 3 * d * Double(c.feedForwardWidth))
        let attention = 4 * q * Double(tokens + cached)
        let head = 2 * d * Double(c.vocabulary)
        return Double(sequences)
            * (Double(tokens) * Double(c.layers) * (linear + attention) + Double(logitRows) * head)
    }

    /// Forward, the gradients of inputs and weights, and the head once more, which is streamed.
    package var trainingOperations: Double {
        let head = 2 * Double(configuration.width) * Double(configuration.vocabulary)
        return 3 * forwardOperations + Double(sequences * logitRows) * head
    }

    /// The same of an adapter: blocks are computed forward once or again, then the gradients of inputs, and for each of the
    /// adapter's elements a multiply-add per forward and two and a half on the way back.
    ///
    /// - Parameter share: elements of the adapter per parameter of the model.
    package func adapterOperations(share: Double, forwards: Int) -> Double {
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
    package func reduced(operations limit: Double, parameters: Int) -> PassShape {
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

/// Bytes that stages take, counted from what they allocate.
package enum MemoryModel {
    /// The program with its libraries, their threads' buffers, and the runner.
    package static let program = 60e6
    /// A problem as the stages that train or decode hold it, while its file is parsed.
    package static let problem = 1600.0

    /// A model that decodes: its weights, and the scratch memory of a pass on each thread.
    ///
    /// - Parameter precision: What linear layers are kept in; in less than 32 bits they are packed, while embeddings
    ///   stay as they are stored, in bfloat16 with checkpoints that are packed.
    package static func decoding(
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
    /// per lane, and a chunk of logits with its gradient per lane. Products in bfloat16 have weights and their transposes
    /// besides, in two bytes each.
    package static func training(
        _ shape: PassShape, keepsActivations: Bool, isMuon: Bool, isHalf: Bool
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
        return weights * Double(1 + (isHalf ? 1 : 0) + BatchGradient.lanes) + optimizer + activations
            + 8 * chunk * Double(shape.configuration.vocabulary)
    }
}

extension Int {
    /// The nearest whole number; the largest one for what is beyond.
    package init(clamped number: Double) {
        self = number.isFinite ? (number < 9e18 ? Int(Swift.max(0, number).rounded()) : .max) : .max
    }
}
