public import JSON

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
            "tiedHead": .bool(tiedHead), "queryKeyValueBias": .bool(queryKeyValueBias),
            "queryKeyNorm": .bool(queryKeyNorm), "attention": attention.document,
            "logitShift": .bool(logitShift), "maskToken": maskToken.map { .integer(Int($0)) } ?? .null,
            "endToken": endToken.map { .integer(Int($0)) } ?? .null,
            "maximumPositions": .integer(maximumPositions),
        ]
    }

    /// The configuration that ``document`` is of.
    ///
    /// - Throws: ``FamilyError`` for a property that is missing, unknown or no legal value, and for a configuration that
    ///   contradicts itself.
    public init(document: JSONValue) throws(FamilyError) {
        var members = PropertyReader(document)
        self.init(
            layers: try members.integer("layers"), width: try members.integer("width"),
            heads: try members.integer("heads"), keyValueHeads: try members.integer("keyValueHeads"),
            headWidth: try members.integer("headWidth"),
            feedForwardWidth: try members.integer("feedForwardWidth"),
            vocabulary: try members.integer("vocabulary"))
        normEpsilon = Float(try members.number("normEpsilon"))
        ropeTheta = try members.number("ropeTheta")
        tiedHead = try members.flag("tiedHead")
        queryKeyValueBias = try members.flag("queryKeyValueBias")
        queryKeyNorm = try members.flag("queryKeyNorm")
        attention = try AttentionPattern(document: members.value("attention"))
        logitShift = try members.flag("logitShift")
        maskToken = try members.token("maskToken")
        endToken = try members.token("endToken")
        maximumPositions = try members.integer("maximumPositions")
        try members.finish()
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

    fileprivate init(document: JSONValue) throws(FamilyError) {
        switch document {
        case "bidirectional": self = .bidirectional
        case "causal": self = .causal
        default:
            var members = PropertyReader(document)
            let (promptLength, blockLength) = (
                try members.integer("promptLength"), try members.integer("blockLength")
            )
            try members.finish()
            guard promptLength >= 0, blockLength > 0 else {
                throw FamilyError("blocks of \(blockLength) after a prompt of \(promptLength) are no pattern")
            }
            self = .blockCausal(promptLength: promptLength, blockLength: blockLength)
        }
    }
}

/// Members of an object, each of which has to be asked for once.
private struct PropertyReader {
    private var rest: [String: JSONValue]

    init(_ document: JSONValue) {
        rest = Dictionary(
            (document.object?.members ?? []).map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    }

    mutating func value(_ name: String) throws(FamilyError) -> JSONValue {
        guard let value = rest.removeValue(forKey: name) else {
            throw FamilyError("the property \(name) of the model is missing")
        }
        return value
    }

    mutating func integer(_ name: String) throws(FamilyError) -> Int {
        guard let number = try value(name).int else { throw FamilyError("\(name) should be a whole number") }
        return number
    }

    mutating func number(_ name: String) throws(FamilyError) -> Double {
        guard let number = try value(name).double else { throw FamilyError("\(name) should be a number") }
        return number
    }

    mutating func flag(_ name: String) throws(FamilyError) -> Bool {
        guard let flag = try value(name).bool else { throw FamilyError("\(name) should be true or false") }
        return flag
    }

    mutating func token(_ name: String) throws(FamilyError) -> Int32? {
        let value = try value(name)
        if value == .null { return nil }
        guard let token = value.int.flatMap({ Int32(exactly: $0) }) else {
            throw FamilyError("\(name) should be a token id or null")
        }
        return token
    }

    func finish() throws(FamilyError) {
        guard let unknown = rest.keys.sorted().first else { return }
        throw FamilyError("the model has no property \(unknown)")
    }
}
