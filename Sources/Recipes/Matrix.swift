internal import Base
internal import JSON

/// The variants that a stage's `matrix` spans: the Cartesian product, later keys varying fastest.
struct Matrix {
    /// One key of one point.
    struct Setting {
        package let path: ConfigPath
        let keyOrigin: Origin
        package let value: JSONNode
        /// The place of the value among those of its key, from 1.
        package let number: Int
    }

    /// One value for each key.
    let points: [[Setting]]

    /// More variants than this are a slip of the pen, not a sweep.
    package static let limit = 10_000
    /// Nor does anybody vary so many keys.
    private static let keyLimit = 100

    package init(_ node: JSONNode, subject: String, report: (Diagnostic) -> Void) {
        guard let members = node.members, !members.isEmpty else {
            report(
                Diagnostic(
                    at: node.origin,
                    "The matrix of \(subject) should be an object of lists; this is \(node.shown).",
                    hint: #"For example: "matrix": {"decoder.threshold": [0.1, 0.3]}"#))
            points = []
            return
        }
        guard members.count <= Self.keyLimit else {
            report(
                Diagnostic(
                    at: node.origin, "The matrix of \(subject) has more than \(Self.keyLimit) keys."))
            points = []
            return
        }
        var points: [[Setting]] = [[]]
        for member in members {
            guard let values = member.value.array, !values.isEmpty else {
                report(
                    Diagnostic(
                        at: member.value.origin,
                        "\"\(member.key)\" in the matrix of \(subject) should be a list of at least one value; this is \(member.value.shown)."
                    ))
                continue
            }
            guard let path = ConfigPath(inStage: member.key), let first = path.key(at: 0), first != "kind",
                first != "matrix"
            else {
                report(
                    Diagnostic(
                        at: member.keyOrigin, "A matrix can't set \"\(member.key)\".",
                        hint: "It sets keys of the stage, by dotted path, and \"seed\"."))
                continue
            }
            guard points.count * values.count <= Self.limit else {
                report(
                    Diagnostic(
                        at: member.keyOrigin,
                        "The matrix of \(subject) spans more than \(Self.limit) variants."))
                break
            }
            let settings = values.enumerated().map { index, value in
                Setting(path: path, keyOrigin: member.keyOrigin, value: value, number: index + 1)
            }
            points = points.flatMap { point in settings.map { point + [$0] } }
        }
        self.points = points
    }

    /// `stage[threshold=0.1]` for each point; keys go by their last part where that is unambiguous.
    package func names(of stage: String) -> [String] {
        let paths = (points.first ?? []).map(\.path.description)
        let last = paths.map { String($0.byteText.split(".").last?.text ?? "") }
        let labels = paths.indices.map { i in last.count { $0 == last[i] } == 1 ? last[i] : paths[i] }
        return points.map { point in
            let settings = zip(labels, point).map { "\($0)=\(Self.text(of: $1))" }
            return "\(stage)[\(settings.joined(separator: ","))]"
        }
    }

    /// Scalars stand for themselves; lists and objects are numbered.
    private static func text(of setting: Setting) -> String {
        switch setting.value.value {
        case .string(let string): string
        case .null, .bool, .number: setting.value.shown
        case .array, .object: "#\(setting.number)"
        }
    }
}

extension JSONValue {
    /// The value that a configuration sets, without its place: a number that is whole is one however it is spelt.
    init(setting node: JSONNode) {
        switch node.value {
        case .null: self = .null
        case .bool(let bool): self = .bool(bool)
        case .number(let number):
            self = number.int.map(JSONValue.integer) ?? number.double.map(JSONValue.number) ?? .null
        case .string(let string): self = .string(string)
        case .array(let array): self = .array(array.map(JSONValue.init(setting:)))
        case .object(let members):
            self = .object(JSONObject(members.map { ($0.key, JSONValue(setting: $0.value)) }))
        }
    }
}

/// Repeats that go on until their results are clear: the key `until` beside `replicate`.
///
/// The repeats are made up to the first look; the summary's stage `decided` says which claims are open still. Where one
/// is, the repeats up to the next look are made, and so on to the last. Each look is a stage of its own, so that the same
/// configuration ends at the same look wherever it is run again.
struct UntilFields {
    package static let key = "until"

    /// A reference to a stage of the summary.
    let decided: String
    /// After how many of the values that vary slowest it is looked, rising.
    let looks: [Int]
    /// No further look begins once the stages have taken that much, in minutes of one thread.
    let minutes: Double?

    package init(_ fields: Fields) {
        decided = fields.string(
            "decided", "The stage of \"summary\" that says which claims are open, such as \"@seeds\".")
        looks = fields.integers(
            "looks", in: 1...ExperimentLoader.limit, atLeast: 1,
            "After how many repeats it is looked whether a claim is open: rising, the last one all of them. Repeats are "
                + "the values of the first key, or of the first object, of \"replicate\".")
        minutes = fields.optionalNumber(
            "cpuMinutes", in: .above(0),
            "Budget: no further look begins once all stages so far, those of earlier runs included, have taken that many "
                + "minutes times threads.")
        if zip(looks, looks.dropFirst()).contains(where: { $0 >= $1 }) {
            fields.reject("looks", "Each look comes after more repeats than the one before.")
        }
    }

    /// The keys as ``init(_:)`` asks for them.
    package static var description: ObjectDescription {
        let fields = Fields.describing()
        _ = UntilFields(fields)
        return fields.description
    }
}

extension Experiment {
    /// How far repeats go: at each look they may end.
    package struct Until: Sendable {
        package let looks: [Look]
        /// In minutes of one thread; nil where there is no budget but the number of repeats.
        package let minutes: Double?
    }

    /// One look at the results of repeats.
    package struct Look: Sendable {
        /// Which it is, from 1, of how many.
        package let number: Int
        package let count: Int
        /// How many repeats it takes, of how many there may be.
        package let repeats: Int
        package let maximum: Int
        /// The stage whose artifact says what is decided.
        package let decision: String
        /// Its stages and those that they need, those of earlier looks included, by full name.
        package let stages: Set<String>
    }

    /// The experiment as it is at a look: the stages up to it, and none that would follow.
    package func at(_ look: Look) -> Experiment {
        var part = Experiment(
            name: name, seed: seed, description: description,
            stages: stages.filter { look.stages.contains($0.id) }, source: source)
        part.look = look
        return part
    }
}
