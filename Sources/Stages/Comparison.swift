internal import Evaluation
internal import Files
internal import JSON
internal import SystemPackage

/// The measures of one comparison of methods, as an artifact keeps them for other stages.
struct Comparison {
    static let fileName = "comparison.json"

    struct Method {
        let label: String
        let aup: Double
        /// Tokens per forward and accuracy of the operating point; nil where no setting reaches the target.
        let tpf: Double?
        let accuracy: Double?
    }

    struct JudgedClaim {
        let statement: String
        let left: String
        let right: String
        let relation: Claim.Relation
        /// Left minus right; nil where a side has no measurement.
        let difference: Double?
    }

    let methods: [Method]
    let claims: [JudgedClaim]

    init(methods: [Method], claims: [JudgedClaim]) {
        self.methods = methods
        self.claims = claims
    }

    /// The comparison of a table's artifact.
    ///
    /// - Throws: ``DamagedFileError``; `JSONSyntaxError`; `FileError`.
    init(folder: FilePath) throws {
        let path = folder.appending(Self.fileName)
        let root = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
        let methods = (root["methods"]?.array ?? []).map { node -> Method? in
            guard let label = node["label"]?.string, let aup = node["aup"]?.double else { return nil }
            return Method(
                label: label, aup: aup, tpf: node["tpf"]?.double, accuracy: node["accuracy"]?.double)
        }
        let claims = (root["claims"]?.array ?? []).map { node -> JudgedClaim? in
            guard let statement = node["statement"]?.string, let left = node["left"]?.string,
                let right = node["right"]?.string, let relation = Self.relation(node)
            else { return nil }
            return JudgedClaim(
                statement: statement, left: left, right: right, relation: relation,
                difference: node["difference"]?.double)
        }
        self.init(methods: methods.compactMap { $0 }, claims: claims.compactMap { $0 })
        guard !self.methods.isEmpty, self.methods.count == methods.count, self.claims.count == claims.count
        else {
            throw DamagedFileError(path, "it isn't a comparison of methods.")
        }
    }

    private static func relation(_ node: JSONNode) -> Claim.Relation? {
        if let margin = node["margin"]?.double { return .greater(margin: margin) }
        return node["tolerance"]?.double.map { .near(tolerance: $0) }
    }

    var value: JSONValue {
        func optional(_ number: Double?) -> JSONValue { number.map { .number($0) } ?? .null }
        return [
            "methods": .array(
                methods.map {
                    [
                        "label": .string($0.label), "aup": .number($0.aup), "tpf": optional($0.tpf),
                        "accuracy": optional($0.accuracy),
                    ]
                }),
            "claims": .array(
                claims.map { claim in
                    let relation: (String, Double) =
                        switch claim.relation {
                        case .greater(let margin): ("margin", margin)
                        case .near(let tolerance): ("tolerance", tolerance)
                        case .times(let factor): ("factor", factor)
                        }
                    return .object(
                        JSONObject([
                            ("statement", .string(claim.statement)), ("left", .string(claim.left)),
                            ("right", .string(claim.right)), (relation.0, .number(relation.1)),
                            ("difference", optional(claim.difference)),
                        ]))
                }),
        ]
    }
}
