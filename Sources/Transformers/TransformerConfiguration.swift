internal import Documents
package import JSON
package import Numerics

/// Which keys a query may attend to.
///
/// Every pattern allows a prefix of the keys in order of position.
public enum AttentionPattern: Sendable, Hashable {
    /// Every token sees every token (LLaDA, Dream).
    case bidirectional
    /// A token sees itself and what is before it (autoregressive models).
    case causal
    /// The prompt sees the prompt; block b of the response sees the prompt and blocks up to b (D2F).
    case blockCausal(promptLength: Int, blockLength: Int)

    /// The first position that a query at `position` may not see.
    @inline(__always)
    func horizon(of position: Int) -> Int {
        switch self {
        case .bidirectional: return .max
        case .causal: return position + 1
        case .blockCausal(let promptLength, let blockLength):
            if position < promptLength { return promptLength }
            return promptLength + ((position - promptLength) / blockLength + 1) * blockLength
        }
    }
}

/// Shape and options of a pre-norm transformer with rotary positions, RMS norm and a SwiGLU feed-forward layer.
///
/// One description serves every family; a family (``LLaDAFamily``, …) only maps its own configuration file and
/// weight names onto it.
public struct TransformerConfiguration: Sendable, Hashable {
    /// Number of blocks.
    public var layers: Int
    /// D, width of the residual stream.
    public var width: Int
    /// H, number of query heads.
    public var heads: Int
    /// Number of key and value heads; each serves `heads / keyValueHeads` consecutive query heads.
    public var keyValueHeads: Int
    /// K, width of one head, an even number; H·K may differ from D.
    public var headWidth: Int
    /// F, width of the feed-forward layer.
    public var feedForwardWidth: Int
    /// V, rows of the embedding and of the head.
    public var vocabulary: Int
    /// Added to the mean square in the RMS norms.
    package var normEpsilon: Float = 1e-5
    /// Base of the rotary frequencies.
    package var ropeTheta: Double = 10_000
    /// How the rotary frequencies differ from those of the base (Llama 3.1).
    package var ropeScaling = RotaryScaling.unscaled
    /// The head is the embedding.
    public var tiedHead = false
    /// Biases on the query, key and value projections.
    package var queryKeyValueBias = false
    /// RMS norm of every head's queries and keys before they are rotated, with one weight of width K for all query
    /// heads and one for all key heads (Qwen3).
    package var queryKeyNorm = false
    /// How the model attends unless a caller asks for something else.
    public var attention: AttentionPattern = .bidirectional
    /// Row i of the logits predicts token i + 1 (Dream, autoregressive models) instead of token i (LLaDA).
    package var logitShift = false
    /// The token that stands for "not decoded yet".
    package var maskToken: Int32?
    /// The token that ends a response.
    package var endToken: Int32?
    /// Other tokens that end a response, as `eos_token_id` of generation_config.json lists them.
    package var furtherEndTokens: [Int32] = []
    /// Longest sequence the model was made for.
    package var maximumPositions = 4096

    /// A shape whose options have their defaults: bidirectional, no biases, no norms of heads.
    ///
    /// - Parameters:
    ///   - keyValueHeads: as many as `heads` where they aren't given.
    ///   - headWidth: `width / heads` where it isn't given.
    public init(
        layers: Int, width: Int, heads: Int, keyValueHeads: Int? = nil, headWidth: Int? = nil,
        feedForwardWidth: Int, vocabulary: Int
    ) {
        self.layers = layers
        self.width = width
        self.heads = heads
        self.keyValueHeads = keyValueHeads ?? heads
        self.headWidth = headWidth ?? (heads > 0 ? width / heads : 0)
        self.feedForwardWidth = feedForwardWidth
        self.vocabulary = vocabulary
    }

    /// Makes the first token the one that ends texts, and the others such as end them too.
    mutating func setEndTokens(_ tokens: [Int32]) {
        endToken = tokens.first
        var further: [Int32] = []
        for token in tokens.dropFirst() where token != endToken && !further.contains(token) {
            further.append(token)
        }
        furtherEndTokens = further
    }

    /// `eos_token_id` of config.json; nil without an end token.
    var endTokenValue: JSONValue? {
        guard let endToken else { return nil }
        let all = ([endToken] + furtherEndTokens).map { JSONValue.integer(Int($0)) }
        return all.count == 1 ? all[0] : .array(all)
    }

    /// H·K, columns of the queries.
    package var queryWidth: Int { heads * headWidth }
    /// Columns of the keys and of the values.
    package var keyValueWidth: Int { keyValueHeads * headWidth }

    /// What is inconsistent, as a sentence, or `nil`.
    package var problem: String? {
        let sizes = [
            ("layers", layers), ("width", width), ("heads", heads), ("key-value heads", keyValueHeads),
            ("head width", headWidth), ("feed-forward width", feedForwardWidth), ("vocabulary", vocabulary),
        ]
        for (name, size) in sizes where size < 1 || size > 1 << 24 {
            return "the \(name) can't be \(size)"
        }
        for (name, columns) in [
            ("queries", heads.multipliedReportingOverflow(by: headWidth)),
            ("keys", keyValueHeads.multipliedReportingOverflow(by: headWidth)),
        ] where columns.overflow || columns.partialValue > 1 << 24 {
            return "all heads together can't be wider than \(1 << 24), and those of the \(name) are"
        }
        if layers > 4096 { return "\(layers) layers are more than the 4096 that are supported" }
        if headWidth % 2 != 0 { return "the head width \(headWidth) is odd; rotary positions need pairs" }
        if heads % keyValueHeads != 0 {
            return "\(heads) heads can't share \(keyValueHeads) key-value heads evenly"
        }
        let tokens = [("mask", maskToken), ("end", endToken)] + furtherEndTokens.map { ("end", $0) }
        for (name, token) in tokens {
            if let token, token < 0 || Int(token) >= vocabulary {
                return "the \(name) token \(token) is outside the vocabulary of \(vocabulary)"
            }
        }
        // In floating-point numbers: the exact one is asked for where it is known to be a number.
        let (d, f) = (Double(width), Double(feedForwardWidth))
        let block = d * (2 * Double(heads * headWidth) + 2 * Double(keyValueHeads * headWidth) + 3 * f)
        let parameters = Double(layers) * block + 2 * d * Double(vocabulary)
        if parameters > 0x1p44 {
            return "the sizes make \(Int(parameters)) parameters, more than any machine holds"
        }
        if maximumPositions < 1 || maximumPositions > 1 << 30 {
            return "the longest sequence can't have \(maximumPositions) positions"
        }
        if !(normEpsilon > 0 && normEpsilon < 1) { return "the norm's epsilon can't be \(normEpsilon)" }
        if !(ropeTheta > 1 && ropeTheta < 1e30) { return "the rotary base can't be \(ropeTheta)" }
        return ropeScaling.problem
    }
}

extension TransformerConfiguration {
    /// Bytes that one token of a sequence of `tokens` keeps from the forward pass until its gradient is computed.
    package func activationBytes(tokens: Int) -> Int { layers * blockActivationBytes(tokens: tokens) }

    /// The same where a block's activations are computed again: each block's input, and one block's activations.
    package func recomputedActivationBytes(tokens: Int) -> Int {
        layers * 4 * width + blockActivationBytes(tokens: tokens)
    }

    /// Inputs, norms and results of the linear layers of one block, and the attention's weights of one row.
    private func blockActivationBytes(tokens: Int) -> Int {
        4 * (4 * width + 2 * queryWidth + 2 * keyValueWidth + 3 * feedForwardWidth + heads * tokens)
    }

    /// The first option in which this differs from `other`, as "head width 10 (it would be read as 8)".
    func difference(from other: TransformerConfiguration) -> String? {
        guard self != other else { return nil }
        let options: [(name: String, own: String, other: String)] = [
            ("\(layers) layers", "\(layers)", "\(other.layers)"),
            ("width \(width)", "\(width)", "\(other.width)"),
            ("\(heads) heads", "\(heads)", "\(other.heads)"),
            ("\(keyValueHeads) key-value heads", "\(keyValueHeads)", "\(other.keyValueHeads)"),
            ("head width \(headWidth)", "\(headWidth)", "\(other.headWidth)"),
            ("feed-forward width \(feedForwardWidth)", "\(feedForwardWidth)", "\(other.feedForwardWidth)"),
            ("vocabulary \(vocabulary)", "\(vocabulary)", "\(other.vocabulary)"),
            ("epsilon \(normEpsilon)", "\(normEpsilon)", "\(other.normEpsilon)"),
            ("rotary base \(ropeTheta)", "\(ropeTheta)", "\(other.ropeTheta)"),
            ("rotary scaling \(ropeScaling)", "\(ropeScaling)", "\(other.ropeScaling)"),
            ("tied head \(tiedHead)", "\(tiedHead)", "\(other.tiedHead)"),
            (
                "query, key and value biases \(queryKeyValueBias)", "\(queryKeyValueBias)",
                "\(other.queryKeyValueBias)"
            ),
            ("query and key norms \(queryKeyNorm)", "\(queryKeyNorm)", "\(other.queryKeyNorm)"),
            ("attention \(attention)", "\(attention)", "\(other.attention)"),
            ("logit shift \(logitShift)", "\(logitShift)", "\(other.logitShift)"),
            ("positions \(maximumPositions)", "\(maximumPositions)", "\(other.maximumPositions)"),
        ]
        guard let first = options.first(where: { $0.own != $0.other }) else { return "its special tokens" }
        return "\(first.name) (it would be read as \(first.other))"
    }
}

/// The whole configuration by the names of its properties: for processes and forecasts, which must not lose any.
///
/// Files of checkpoints have the form of their family instead (``ModelFamily/document(for:type:)``).
extension TransformerConfiguration {
    /// Every property by its name.
    package var document: JSONValue {
        [
            "layers": .integer(layers), "width": .integer(width), "heads": .integer(heads),
            "keyValueHeads": .integer(keyValueHeads), "headWidth": .integer(headWidth),
            "feedForwardWidth": .integer(feedForwardWidth), "vocabulary": .integer(vocabulary),
            "normEpsilon": .number(Double(normEpsilon)), "ropeTheta": .number(ropeTheta),
            "ropeScaling": ropeScaling.document, "tiedHead": .bool(tiedHead),
            "queryKeyValueBias": .bool(queryKeyValueBias),
            "queryKeyNorm": .bool(queryKeyNorm), "attention": attention.document,
            "logitShift": .bool(logitShift), "maskToken": maskToken.map { .integer(Int($0)) } ?? .null,
            "endToken": endToken.map { .integer(Int($0)) } ?? .null,
            "furtherEndTokens": .array(furtherEndTokens.map { .integer(Int($0)) }),
            "maximumPositions": .integer(maximumPositions),
        ]
    }

    private static let properties = [
        "layers", "width", "heads", "keyValueHeads", "headWidth", "feedForwardWidth", "vocabulary",
        "normEpsilon",
        "ropeTheta", "ropeScaling", "tiedHead", "queryKeyValueBias", "queryKeyNorm", "attention",
        "logitShift", "maskToken",
        "endToken", "furtherEndTokens", "maximumPositions",
    ]

    /// The configuration that ``document`` is of.
    ///
    /// - Throws: ``FamilyError`` for a property that is missing, unknown or no legal value, and for a configuration that
    ///   contradicts itself.
    package init(document: JSONValue) throws(FamilyError) {
        let nowhere = Origin(source: SourceText(name: "a message", bytes: []), range: 0..<0)
        let members = FamilyOptions(JSONNode(document, at: nowhere), subject: "the model")
        try members.allow(Self.properties)
        self.init(
            layers: try members.integer("layers"), width: try members.integer("width"),
            heads: try members.integer("heads"), keyValueHeads: try members.integer("keyValueHeads"),
            headWidth: try members.integer("headWidth"),
            feedForwardWidth: try members.integer("feedForwardWidth"),
            vocabulary: try members.integer("vocabulary"))
        normEpsilon = Float(try members.number("normEpsilon"))
        ropeTheta = try members.number("ropeTheta")
        ropeScaling = try RotaryScaling(members.member("ropeScaling"))
        tiedHead = try members.flag("tiedHead")
        queryKeyValueBias = try members.flag("queryKeyValueBias")
        queryKeyNorm = try members.flag("queryKeyNorm")
        attention = try AttentionPattern(members.required("attention"))
        logitShift = try members.flag("logitShift")
        maskToken = try members.member("maskToken").tokenOrNull()
        endToken = try members.member("endToken").tokenOrNull()
        furtherEndTokens = try members.required("furtherEndTokens").tokens()
        maximumPositions = try members.integer("maximumPositions")
        if let problem { throw FamilyError("the model can't be: \(problem)") }
    }

    /// Every stored property with its value as text: equal for equal configurations of one build, and never short of
    /// a property, because it is made from the type itself.
    package var propertyText: String {
        Mirror(reflecting: self).children.map { "\($0.label ?? "?"): \($0.value)" }.joined(separator: ", ")
    }
}

extension AttentionPattern {
    fileprivate var document: JSONValue {
        switch self {
        case .bidirectional: "bidirectional"
        case .causal: "causal"
        case .blockCausal(let promptLength, let blockLength):
            ["promptLength": .integer(promptLength), "blockLength": .integer(blockLength)]
        }
    }

    fileprivate init(_ value: FamilyOptions) throws(FamilyError) {
        switch value.node.string {
        case "bidirectional": self = .bidirectional
        case "causal": self = .causal
        default:
            try value.allow(["promptLength", "blockLength"])
            self = .blockCausal(
                promptLength: try value.integer("promptLength", in: 0...),
                blockLength: try value.integer("blockLength", in: 1...))
        }
    }
}

extension DocumentValue<FamilyError> {
    fileprivate func tokenOrNull() throws(FamilyError) -> Int32? { node.isNull ? nil : try token() }
}
