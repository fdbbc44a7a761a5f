import JSON

/// The variants that a stage's `matrix` spans: the Cartesian product, later keys varying fastest.
struct Matrix {
    /// One point of the product: for each key its dotted path, the place of the key, and the value.
    typealias Point = [(path: String, keyOrigin: Origin, value: ConfigNode)]

    let points: [Point]

    /// More variants than this are a slip of the pen, not a sweep.
    static let limit = 10_000

    init(_ node: ConfigNode, subject: String, report: (Diagnostic) -> Void) {
        guard let members = node.members, !members.isEmpty else {
            report(
                Diagnostic(
                    at: node.origin,
                    "The matrix of \(subject) should be an object of lists; this is \(node.shown).",
                    hint: #"For example: "matrix": {"decoder.threshold": [0.1, 0.3]}"#))
            points = []
            return
        }
        var points: [Point] = [[]]
        for member in members {
            guard let values = member.value.array, !values.isEmpty else {
                report(
                    Diagnostic(
                        at: member.value.origin,
                        "\"\(member.key)\" in the matrix of \(subject) should be a list of at least one value; this is \(member.value.shown)."
                    ))
                continue
            }
            let first = member.key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard !first.contains(""), first[0] != "kind", first[0] != "matrix" else {
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
            points = points.flatMap { point in values.map { point + [(member.key, member.keyOrigin, $0)] } }
        }
        self.points = points
    }

    /// `stage[threshold=0.1]` for each point; keys go by their last part where that is unambiguous.
    func names(of stage: String) -> [String] {
        let paths = points.first?.map(\.path) ?? []
        let last = paths.map { String($0.split(separator: ".").last ?? "") }
        let labels = paths.indices.map { i in last.count { $0 == last[i] } == 1 ? last[i] : paths[i] }
        return points.map { point in
            let settings = point.enumerated().map { index, setting in
                "\(labels[index])=\(Self.text(of: setting.value, index: { ordinal(of: setting.value, index) }))"
            }
            return "\(stage)[\(settings.joined(separator: ","))]"
        }
    }

    /// The place of a value among the distinct ones of its key, from 1.
    private func ordinal(of value: ConfigNode, _ key: Int) -> Int {
        var seen: [Int] = []
        for point in points where !seen.contains(point[key].value.origin.range.lowerBound) {
            seen.append(point[key].value.origin.range.lowerBound)
        }
        return (seen.firstIndex(of: value.origin.range.lowerBound) ?? 0) + 1
    }

    /// Scalars stand for themselves; lists and objects are numbered.
    private static func text(of value: ConfigNode, index: () -> Int) -> String {
        switch value.value {
        case .string(let string): string
        case .null, .bool, .number: value.shown
        case .array, .object: "#\(index())"
        }
    }
}

extension JSONValue {
    /// The same value without its place.
    init(_ node: ConfigNode) {
        switch node.value {
        case .null: self = .null
        case .bool(let bool): self = .bool(bool)
        case .number(let number):
            self = number.int.map(JSONValue.integer) ?? number.double.map(JSONValue.number) ?? .null
        case .string(let string): self = .string(string)
        case .array(let array): self = .array(array.map(JSONValue.init))
        case .object(let members): self = .object(JSONObject(members.map { ($0.key, JSONValue($0.value)) }))
        }
    }
}
