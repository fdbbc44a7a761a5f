internal import Files
internal import JSON
internal import Measures
internal import StageBasics
internal import SystemPackage

/// The measures of one comparison of methods, as an artifact keeps them for other stages.
struct Comparison {
    static let fileName = "comparison.json"

    struct Method {
        let label: String
        let aup: Double
        /// Nil where every setting is below the common cut-off, or the comparison was made before there was one.
        var commonAUP: Double?
        /// Tokens per forward and accuracy of the operating point; nil where no setting reaches the target.
        let tpf: Double?
        let accuracy: Double?
        /// Tokens per forward at fixed accuracies.
        var speeds: [Speed] = []
    }

    struct Speed {
        let accuracy: Double
        /// Nil where no setting is so accurate.
        let reading: TPFAtAccuracy.Reading?
    }

    let methods: [Method]
    let claims: [JudgedClaim]
    /// Problems that AUP, operating points and accuracies are of.
    var reported: Int?
    /// The model of the reference run: tables that share it aren't independent repeats.
    var teacher: String?

    init(methods: [Method], claims: [JudgedClaim], reported: Int? = nil, teacher: String? = nil) {
        self.methods = methods
        self.claims = claims
        self.reported = reported
        self.teacher = teacher
    }

    /// The comparison of a table's artifact; one of before there were ratios reads as differences.
    ///
    /// - Throws: ``DamagedFileError``; `JSONSyntaxError`; `FileError`.
    init(folder: FilePath) throws {
        let path = folder.appending(Self.fileName)
        let root = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
        let methods = (root["methods"]?.array ?? []).map { node -> Method? in
            guard let label = node["label"]?.string, let aup = node["aup"]?.double else { return nil }
            return Method(
                label: label, aup: aup, commonAUP: node["commonAUP"]?.double, tpf: node["tpf"]?.double,
                accuracy: node["accuracy"]?.double,
                speeds: (node["speeds"]?.array ?? []).compactMap { node in
                    node["accuracy"]?.double.map { accuracy in
                        Speed(
                            accuracy: accuracy,
                            reading: node["tpf"]?.double.map {
                                .init(tpf: $0, isLowerBound: node["atLeast"]?.bool ?? false)
                            })
                    }
                })
        }
        let claims = (root["claims"]?.array ?? []).map { node -> JudgedClaim? in
            guard let statement = node["statement"]?.string, let left = node["left"]?.string,
                let right = node["right"]?.string, let relation = Self.relation(node)
            else { return nil }
            let scale = node["scale"]?.string.flatMap { Effect.Scale(rawValue: $0) } ?? .difference
            return JudgedClaim(
                statement: statement, left: left, right: right, scale: scale, relation: relation,
                result: Self.result(node, scale))
        }
        self.init(
            methods: methods.compactMap { $0 }, claims: claims.compactMap { $0 },
            reported: root["reported"]?.int,
            teacher: root["teacher"]?.string)
        guard !self.methods.isEmpty, self.methods.count == methods.count, self.claims.count == claims.count
        else {
            throw DamagedFileError(path, "it isn't a comparison of methods.")
        }
    }

    private static func relation(_ node: JSONNode) -> Claim.Relation? {
        if let margin = node["margin"]?.double { return .greater(margin: margin) }
        return node["tolerance"]?.double.map { .near(tolerance: $0) }
    }

    private static func result(_ node: JSONNode, _ scale: Effect.Scale) -> EffectResult {
        guard let value = (node["effect"] ?? node["difference"])?.double else {
            return .notReached((node["notReached"]?.array ?? []).compactMap(\.string))
        }
        return .found(
            Effect(
                scale, value, isAtLeast: node["atLeast"]?.bool ?? false,
                isAtMost: node["atMost"]?.bool ?? false,
                problemDeviation: node["problemDeviation"]?.double))
    }

    var value: JSONValue {
        func optional(_ number: Double?) -> JSONValue { number.map { .number($0) } ?? .null }
        let methods = methods.map { method -> JSONValue in
            [
                "label": .string(method.label), "aup": .number(method.aup),
                "commonAUP": optional(method.commonAUP),
                "tpf": optional(method.tpf), "accuracy": optional(method.accuracy),
                "speeds": .array(
                    method.speeds.map {
                        [
                            "accuracy": .number($0.accuracy), "tpf": optional($0.reading?.tpf),
                            "atLeast": .bool($0.reading?.isLowerBound ?? false),
                        ]
                    }),
            ]
        }
        let claims = claims.map { claim -> JSONValue in
            let relation: (String, Double) =
                switch claim.relation {
                case .greater(let margin): ("margin", margin)
                case .near(let tolerance): ("tolerance", tolerance)
                case .times(let factor): ("factor", factor)
                }
            var members: [(String, JSONValue)] = [
                ("statement", .string(claim.statement)), ("left", .string(claim.left)),
                ("right", .string(claim.right)),
                ("scale", .string(claim.scale.rawValue)), (relation.0, .number(relation.1)),
                ("effect", optional(claim.result.effect?.value)),
            ]
            if let effect = claim.result.effect {
                members += [
                    ("atLeast", .bool(effect.isAtLeast)), ("atMost", .bool(effect.isAtMost)),
                    ("problemDeviation", optional(effect.problemDeviation)),
                ]
            }
            if case .notReached(let sides) = claim.result {
                members.append(("notReached", .array(sides.map { .string($0) })))
            }
            return .object(JSONObject(members))
        }
        return [
            "teacher": teacher.map { .string($0) } ?? .null,
            "reported": reported.map { .integer($0) } ?? .null,
            "methods": .array(methods), "claims": .array(claims),
        ]
    }
}
