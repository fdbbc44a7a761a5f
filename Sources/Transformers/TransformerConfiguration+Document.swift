internal import Documents
public import JSON
internal import Numerics

/// The whole configuration by the names of its properties: for processes and forecasts, which must not lose any.
///
/// Files of checkpoints have the form of their family instead (``ModelFamily/document(for:type:)``).
extension TransformerConfiguration {
    /// Every property by its name.
    public var document: JSONValue {
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
    public init(document: JSONValue) throws(FamilyError) {
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
    public var propertyText: String {
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
