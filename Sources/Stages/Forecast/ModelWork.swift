internal import Runs
internal import Transformers

/// The pieces of work whose speed is measured.
enum ModelWork: Hashable {
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
    var work: Work {
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
    init?(_ work: Work) {
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
    var operations: Double {
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
    func isLike(_ other: ModelWork) -> Bool {
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
    func updateOperations(isMuon: Bool) -> Double {
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
