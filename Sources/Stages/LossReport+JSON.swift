internal import JSON
internal import Training

extension LossReport {
    /// As logs and checkpoints hold it.
    var value: JSONValue { ["total": .number(total), "groups": .array(groups.map(\.value))] }

    init?(_ node: JSONNode) {
        guard let total = node["total"]?.double, let nodes = node["groups"]?.array else { return nil }
        let groups = nodes.compactMap { Group($0) }
        guard groups.count == nodes.count else { return nil }
        self.init(groups: groups, total: total)
    }
}

extension LossReport.Group {
    var value: JSONValue {
        [
            "name": .string(name), "crossEntropy": .number(crossEntropy), "entropy": .number(entropy),
            "rows": .integer(rows), "correct": .integer(correct),
        ]
    }

    init?(_ node: JSONNode) {
        guard let name = node["name"]?.string, let crossEntropy = node["crossEntropy"]?.double,
            let entropy = node["entropy"]?.double, let rows = node["rows"]?.int,
            let correct = node["correct"]?.int
        else { return nil }
        self.init(name: name, crossEntropy: crossEntropy, entropy: entropy, rows: rows, correct: correct)
    }
}
