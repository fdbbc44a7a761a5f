import JSON

/// Repeats of a whole experiment: `"replicate": {"seed": [1, 2, 3]}` makes three copies of every stage.
///
/// The keys are paths from the root of the configuration, the copies span their Cartesian product. The copy of stage
/// `table` for seed 2 is `table-2`; its references lead to the copies of the same point. The stages under `summary`
/// come once, after all copies; there `"@table"` stands for all copies of `table` in order.
struct Replication {
    package static let key = "replicate"
    static let summaryKey = "summary"

    private let names: Set<String>
    private let suffixes: [String]

    /// The configuration with all copies in its `stages`; the same when it asks for none.
    ///
    /// - Parameter report: takes what is wrong with `replicate` and `summary`.
    static func expand(_ root: JSONNode, report: (Diagnostic) -> Void) -> JSONNode {
        let stages = root["stages"]?.members ?? []
        let summary = root[summaryKey]?.members ?? []
        guard let node = root[key] else {
            if let member = root.member(summaryKey) {
                report(
                    Diagnostic(
                        at: member.keyOrigin,
                        "\"\(summaryKey)\" holds stages that follow \"\(key)\", which isn't there.",
                        hint: "Put them into \"stages\"."))
            }
            return root
        }
        let matrix = Matrix(node, subject: "the experiment", report: report)
        guard matrix.points.count * max(1, stages.count) <= ExperimentLoader.limit else {
            report(
                Diagnostic(
                    at: node.origin,
                    "\"\(key)\" makes more than \(ExperimentLoader.limit) stages of those of the experiment.")
            )
            return root
        }
        let suffixes = matrix.points.map { point in
            point.map { "-" + text(of: $0.value) }.joined()
        }
        if Set(suffixes).count < suffixes.count {
            report(Diagnostic(at: node.origin, "Two points of \"\(key)\" give copies of the same name."))
            return root
        }
        let replication = Replication(names: Set(stages.map(\.key)), suffixes: suffixes)
        var copies: [JSONMember] = []
        for (point, suffix) in zip(matrix.points, suffixes) {
            copies += replication.copy(of: root, point, suffix, report: report)
        }
        let following = summary.map {
            JSONMember(key: $0.key, keyOrigin: $0.keyOrigin, value: replication.gathered($0.value))
        }
        if let clash = following.first(where: { stage in copies.contains { $0.key == stage.key } }) {
            report(
                Diagnostic(at: clash.keyOrigin, "There is a copy of a stage called \"\(clash.key)\" already.")
            )
        }
        var result = root
        let members = (root.members ?? []).filter { ![key, summaryKey, "stages"].contains($0.key) }
        let origin = root.member("stages")?.keyOrigin ?? root.origin
        result.value = .object(
            members + [
                JSONMember(
                    key: "stages", keyOrigin: origin,
                    value: JSONNode(value: .object(copies + following), origin: origin))
            ])
        return result
    }

    /// The stages of one point.
    private func copy(
        of root: JSONNode, _ point: [Matrix.Setting], _ suffix: String, report: (Diagnostic) -> Void
    ) -> [JSONMember] {
        var root = root
        var seed: JSONMember?
        for setting in point {
            if setting.path.parts == [.key("seed")] {
                seed = JSONMember(key: "seed", keyOrigin: setting.keyOrigin, value: setting.value)
                continue
            }
            guard let (section, stage, _) = setting.path.inStage, section == "stages", names.contains(stage)
            else {
                report(
                    Diagnostic(
                        at: setting.keyOrigin,
                        "\"\(setting.path)\" is neither \"seed\" nor a key of a stage.",
                        hint: "For example: \"stages.\(names.sorted().first ?? "name").steps\"."))
                continue
            }
            do throws(PathProblem) {
                try root.set(setting.path.parts[...], to: setting.value, keyOrigin: setting.keyOrigin)
            } catch {
                report(
                    Diagnostic(
                        at: setting.keyOrigin, "\"\(setting.path)\" \(error.reason).", hint: error.hint))
            }
        }
        return (root["stages"]?.members ?? []).map { stage in
            var node = renamed(stage.value, suffix)
            // A stage with a seed of its own keeps it.
            if let seed, let members = node.members, node["seed"] == nil {
                node.value = .object(members + [seed])
            }
            return JSONMember(key: stage.key + suffix, keyOrigin: stage.keyOrigin, value: node)
        }
    }

    /// The same value with every reference to a stage leading to its copy.
    private func renamed(_ node: JSONNode, _ suffix: String) -> JSONNode {
        var node = node
        switch node.value {
        case .string(let text): node.value = .string(reference(text, suffix) ?? text)
        case .array(let elements): node.value = .array(elements.map { renamed($0, suffix) })
        case .object(let members):
            node.value = .object(
                members.map {
                    JSONMember(key: $0.key, keyOrigin: $0.keyOrigin, value: renamed($0.value, suffix))
                })
        case .null, .bool, .number: break
        }
        return node
    }

    /// The same value with every reference to a stage replaced by those to all its copies.
    private func gathered(_ node: JSONNode) -> JSONNode {
        var node = node
        switch node.value {
        case .string:
            if let all = all(node) { node.value = .array(all) }
        case .array(let elements): node.value = .array(elements.flatMap { all($0) ?? [gathered($0)] })
        case .object(let members):
            node.value = .object(
                members.map { JSONMember(key: $0.key, keyOrigin: $0.keyOrigin, value: gathered($0.value)) })
        case .null, .bool, .number: break
        }
        return node
    }

    private func all(_ node: JSONNode) -> [JSONNode]? {
        guard let text = node.string else { return nil }
        let references = suffixes.compactMap { reference(text, $0) }
        guard references.count == suffixes.count else { return nil }
        return references.map { JSONNode(value: .string($0), origin: node.origin) }
    }

    /// The reference with the suffix behind its stage's name; nil for what refers to none of the copied stages.
    private func reference(_ text: String, _ suffix: String) -> String? {
        guard let (stage, _, _) = StageDirectory.split(text), names.contains(stage) else { return nil }
        return "@\(stage)\(suffix)" + Substring(text.utf8.dropFirst(stage.utf8.count + 1))
    }

    /// A value as part of a name: letters, digits and dashes.
    private static func text(of node: JSONNode) -> String {
        let shown = node.string ?? node.shown
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
        return String(shown.map { allowed.contains($0) ? $0 : "-" })
    }
}
