internal import Base
import JSON

/// Repeats of a whole experiment: `"replicate": {"seed": [1, 2, 3]}` makes three copies of every stage.
///
/// The keys are paths from the root of the configuration: `seed`, `variables.name`, and keys of stages. An object spans
/// all combinations of its lists. A list of objects has the lists of one object go in step, the first values of all, then
/// the second ones, and takes all combinations between the objects; the first object varies slowest:
///
///     [{"variables.teacher": [1, 2, 3]}, {"stages.a.seed": [1, 2], "stages.b.seed": [1, 2]}]
///
/// is three teachers, each with two students of `a` and of `b`. The copy of stage `table` for seed 2 is `table-2`, that
/// of the second students of teacher 3 `table-3-2`; its references lead to the copies of the same point. The stages under
/// `summary` come once, after all copies, or once for each look of ``UntilFields``; there `"@table"` stands for all
/// copies of `table` in order.
struct Replication {
    package static let key = "replicate"
    static let summaryKey = "summary"

    /// What one copy of the stages is made with.
    private struct Point {
        var settings: [Matrix.Setting] = []
        /// What the names of its stages end with.
        var suffix = ""
        /// Its place among the values that vary slowest, from 0.
        var outer = 0
    }

    /// One object of `replicate`, or one key where an object spans its combinations.
    private struct Level {
        /// The values of its keys, for each of its points.
        let points: [[Matrix.Setting]]
        let origin: Origin

        /// What tells its points apart: the values of its first key that has another one for each of them.
        var names: [String]? {
            let names = (points.first ?? []).indices.map { key in points.map { text(of: $0[key]) } }
            return names.first { Set($0).count == $0.count }
        }
    }

    /// What results of a configuration.
    struct Expansion {
        /// The configuration with all copies in its `stages`; the same when it asks for none.
        let root: JSONNode
        var looks: [Look] = []
        var until: UntilFields?

        /// What has to be made for one look at the results.
        struct Look {
            /// How many of the values that vary slowest it takes.
            let repeats: Int
            /// The stages that it shows, by name; those that they need belong to it too.
            let stages: Set<String>
            /// The stage that says what is decided.
            let decision: String
        }
    }

    private let names: Set<String>
    private let points: [Point]
    private let root: JSONNode
    private let report: (Diagnostic) -> Void

    /// - Parameter report: takes what is wrong with `replicate`, `until` and `summary`.
    static func expand(_ root: JSONNode, report: (Diagnostic) -> Void) -> Expansion {
        withoutActuallyEscaping(report) { report in
            guard let node = root[key] else {
                for other in [summaryKey, UntilFields.key] {
                    guard let member = root.member(other) else { continue }
                    report(
                        Diagnostic(
                            at: member.keyOrigin,
                            other == summaryKey
                                ? "\"summary\" holds stages that follow \"replicate\", which isn't there."
                                : "\"until\" says how far \"replicate\" goes, which isn't there.",
                            hint: other == summaryKey ? "Put them into \"stages\"." : "Leave it out."))
                }
                return Expansion(root: root)
            }
            let stages = root["stages"]?.members ?? []
            guard let points = points(node, stages: stages.count, report) else {
                return Expansion(root: root)
            }
            return Replication(
                names: Set(stages.map(\.key)), points: points, root: root, report: report
            ).expansion(until: root.member(UntilFields.key))
        }
    }

    /// The keys that are varied with their lists, of either form.
    static func axes(of node: JSONNode?) -> [JSONMember] {
        (node?.array ?? node.map { [$0] } ?? []).flatMap { $0.members ?? [] }
    }

    private func expansion(until: JSONMember?) -> Expansion {
        var copies: [JSONMember] = []
        var seed: JSONMember?
        var values = 0
        for point in points {
            guard let made = copy(point) else { return Expansion(root: root) }
            values += made.stages.reduce(0) { $0 + $1.value.valueCount }
            guard values <= ExperimentLoader.valueLimit else {
                report(
                    Diagnostic(
                        at: root[Self.key]?.origin ?? root.origin,
                        "\"\(Self.key)\" makes copies with more than \(ExperimentLoader.valueLimit) values."))
                return Expansion(root: root)
            }
            copies += made.stages
            seed = seed ?? made.seed
        }
        var result = root
        let summary = root[Self.summaryKey]?.members ?? []
        var expansion = Expansion(root: root)
        var following: [JSONMember] = []
        if let until {
            guard let looks = looks(until, summary) else { return Expansion(root: root) }
            expansion = looks.expansion
            following = looks.stages
        } else {
            following = summary.map {
                JSONMember(key: $0.key, keyOrigin: $0.keyOrigin, value: gathered($0.value, points))
            }
        }
        if isVaried(in: following) { return Expansion(root: root) }
        let taken = Set(copies.map(\.key))
        if let clash = following.first(where: { taken.contains($0.key) }) {
            report(
                Diagnostic(at: clash.keyOrigin, "There is a copy of a stage called \"\(clash.key)\" already.")
            )
        }
        let gone = [Self.key, Self.summaryKey, UntilFields.key, "stages", "variables"]
        var members = (root.members ?? []).filter { !gone.contains($0.key) }
        if let seed, let index = members.firstIndex(where: { $0.key == "seed" }) { members[index] = seed }
        let rest = JSONMember(
            key: "", keyOrigin: root.origin, value: JSONNode(value: .object(members), origin: root.origin))
        if isVaried(in: [rest]) { return Expansion(root: root) }
        if let values = root["variables"] {
            // No variable is left in what stands once, but texts are still as they were written.
            var variables = Variables(values)
            func plain(_ member: JSONMember) -> JSONMember {
                JSONMember(
                    key: member.key, keyOrigin: member.keyOrigin, value: variables.substitute(member.value))
            }
            members = members.map(plain)
            following = following.map(plain)
        }
        let origin = root.member("stages")?.keyOrigin ?? root.origin
        result.value = .object(
            members + [
                JSONMember(
                    key: "stages", keyOrigin: origin,
                    value: JSONNode(value: .object(copies + following), origin: origin))
            ])
        return Expansion(root: result, looks: expansion.looks, until: expansion.until)
    }
}

// MARK: - The points

extension Replication {
    /// All points; nil after a report.
    private static func points(
        _ node: JSONNode, stages: Int, _ report: (Diagnostic) -> Void
    ) -> [Point]? {
        guard let levels = levels(node, report) else { return nil }
        var points = [Point()]
        for (depth, level) in levels.enumerated() {
            guard let names = level.names else {
                report(
                    Diagnostic(
                        at: level.origin, "Two points of \"\(key)\" give copies of the same name.",
                        hint: "Each value of a key may come once."))
                return nil
            }
            guard points.count * names.count * max(1, stages) <= ExperimentLoader.limit else {
                report(
                    Diagnostic(
                        at: node.origin,
                        "\"\(key)\" makes more than \(ExperimentLoader.limit) stages of those of the experiment."
                    )
                )
                return nil
            }
            points = points.flatMap { point in
                zip(level.points, names).enumerated().map { number, new in
                    Point(
                        settings: point.settings + new.0, suffix: "\(point.suffix)-\(new.1)",
                        outer: depth == 0 ? number : point.outer)
                }
            }
        }
        guard Set(points.map(\.suffix)).count == points.count else {
            report(Diagnostic(at: node.origin, "Two points of \"\(key)\" give copies of the same name."))
            return nil
        }
        return points
    }

    private static func levels(_ node: JSONNode, _ report: (Diagnostic) -> Void) -> [Level]? {
        guard let objects = node.array else {
            let matrix = Matrix(node, subject: "the experiment", report: report)
            guard let first = matrix.points.first else { return nil }
            // The product again as its factors.
            return first.indices.map { key in
                var seen: Set<Int> = []
                let settings = matrix.points.map { $0[key] }.filter { seen.insert($0.number).inserted }
                return Level(points: settings.map { [$0] }, origin: node.origin)
            }
        }
        guard !objects.isEmpty else {
            report(
                Diagnostic(
                    at: node.origin,
                    "\"\(key)\" should be an object of lists, or a list of such objects; this is \(node.shown).",
                    hint: #"For example: "replicate": {"seed": [1, 2, 3]}"#))
            return nil
        }
        var levels: [Level] = []
        for object in objects {
            guard let level = inStep(object, report) else { return nil }
            levels.append(level)
        }
        return levels
    }

    /// The level of an object whose lists go in step; nil after a report.
    private static func inStep(_ object: JSONNode, _ report: (Diagnostic) -> Void) -> Level? {
        guard let members = object.members, let first = members.first else {
            report(
                Diagnostic(
                    at: object.origin,
                    "Each element of \"\(key)\" should be an object of lists; this is \(object.shown).",
                    hint: #"For example: {"stages.a.seed": [1, 2], "stages.b.seed": [1, 2]}"#))
            return nil
        }
        var columns: [[Matrix.Setting]] = []
        for member in members {
            guard let values = member.value.array, !values.isEmpty else {
                report(
                    Diagnostic(
                        at: member.value.origin,
                        "\"\(member.key)\" in \"\(key)\" should be a list of at least one value; this is \(member.value.shown)."
                    ))
                return nil
            }
            guard let path = ConfigPath(inStage: member.key) else {
                report(Diagnostic(at: member.keyOrigin, "\"\(key)\" can't vary \"\(member.key)\"."))
                return nil
            }
            if let count = columns.first?.count, values.count != count {
                report(
                    Diagnostic(
                        at: member.value.origin,
                        "The lists of one object of \"\(key)\" go in step, but \"\(first.key)\" has \(count) values and \"\(member.key)\" \(values.count).",
                        hint: "Give both as many, or an object of its own to what is to be combined with all."
                    ))
                return nil
            }
            guard values.count <= Matrix.limit else {
                report(
                    Diagnostic(
                        at: member.value.origin,
                        "\"\(member.key)\" in \"\(key)\" has more than \(Matrix.limit) values."))
                return nil
            }
            columns.append(
                values.enumerated().map { index, value in
                    Matrix.Setting(path: path, keyOrigin: member.keyOrigin, value: value, number: index + 1)
                })
        }
        let points = (columns.first ?? []).indices.map { i in columns.map { $0[i] } }
        return Level(points: points, origin: object.origin)
    }

    /// A value as part of a name: letters, digits and dashes; lists and objects are numbered.
    private static func text(of setting: Matrix.Setting) -> String {
        switch setting.value.value {
        case .array, .object: return "\(setting.number)"
        default:
            let shown = setting.value.string ?? setting.value.shown
            let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
            return String(shown.map { allowed.contains($0) ? $0 : "-" })
        }
    }
}

// MARK: - The copies

extension Replication {
    /// The stages of one point, and the experiment's seed there where a variable sets it; nil after a report.
    private func copy(_ point: Point) -> (stages: [JSONMember], seed: JSONMember?)? {
        var root = root
        var seed: JSONMember?
        for setting in point.settings {
            if setting.path.parts == [.key("seed")] {
                seed = JSONMember(key: "seed", keyOrigin: setting.keyOrigin, value: setting.value)
                continue
            }
            // Names the copies only: what its options come to are further settings of the point.
            if OptionGroups.name(setting.path) != nil { continue }
            if let (section, stage, _) = setting.path.inStage {
                guard section == "stages", names.contains(stage) else {
                    report(
                        Diagnostic(
                            at: setting.keyOrigin,
                            "\"\(setting.path)\" is neither \"seed\" nor a variable nor a key of a stage.",
                            hint: NearestName.hint(for: stage, among: names.sorted(), what: "Stages")))
                    return nil
                }
            } else if root["variables"] == nil || setting.path.variable == nil {
                let stage = names.sorted().first ?? "name"
                report(
                    Diagnostic(
                        at: setting.keyOrigin,
                        "\"\(setting.path)\" is neither \"seed\" nor a variable nor a key of a stage.",
                        hint: "For example: \"stages.\(stage).steps\", or \"variables.name\"."))
                return nil
            }
            do throws(PathProblem) {
                try root.set(setting.path.parts[...], to: setting.value, keyOrigin: setting.keyOrigin)
            } catch {
                report(
                    Diagnostic(
                        at: setting.keyOrigin, "\"\(setting.path)\" \(error.reason).", hint: error.hint))
                return nil
            }
        }
        var stages = root["stages"]
        // Composing left what is varied as it was written.
        var variedSeed: JSONMember?
        if let values = root["variables"] {
            var variables = Variables(values)
            stages = stages.map { variables.substitute($0) }
            if let member = root.member("seed") {
                variedSeed = JSONMember(
                    key: "seed", keyOrigin: member.keyOrigin, value: variables.substitute(member.value))
            }
            guard variables.problems.isEmpty else {
                variables.problems.forEach(report)
                return nil
            }
        }
        let made = (stages?.members ?? []).map { stage in
            var node = renamed(stage.value, point.suffix)
            // A stage with a seed of its own keeps it.
            if let seed = seed ?? variedSeed, let members = node.members, node["seed"] == nil {
                node.value = .object(members + [seed])
            }
            return JSONMember(key: stage.key + point.suffix, keyOrigin: stage.keyOrigin, value: node)
        }
        return (made, variedSeed)
    }

    /// Whether something that is there only once stands for a variable that has another value in each copy; reports it.
    ///
    /// It is put in already where nothing varies.
    private func isVaried(in members: [JSONMember]) -> Bool {
        guard root["variables"] != nil else { return false }
        let varied = Set(Self.axes(of: root[Self.key]).compactMap { ConfigPath(inStage: $0.key)?.variable })
        func find(_ node: JSONNode) -> Bool {
            switch node.value {
            case .string(let text):
                let names = (Variables.pieces(of: text) ?? []).compactMap { piece -> String? in
                    if case .variable(let name) = piece { name } else { nil }
                }
                guard let name = names.first(where: varied.contains) else { return false }
                report(
                    Diagnostic(
                        at: node.origin,
                        "This stands once, but \"\(Self.key)\" gives the variable \"\(name)\" another value in each copy.",
                        hint: "Only \"stages\" and the experiment's seed can use it."))
                return true
            case .array(let elements): return elements.contains(where: find)
            case .object(let members): return members.contains { find($0.value) }
            case .null, .bool, .number: return false
            }
        }
        return members.contains { find($0.value) }
    }

    /// The same value with every reference to a stage leading to its copy.
    private func renamed(_ node: JSONNode, _ suffix: String) -> JSONNode {
        node.mapStrings { text in .string(reference(text, among: names, suffix) ?? text) }
    }

    /// The same value with every reference to a stage replaced by those to its copies of some points.
    private func gathered(_ node: JSONNode, _ points: [Point]) -> JSONNode {
        var node = node
        switch node.value {
        case .string:
            if let all = all(node, points) { node.value = .array(all) }
        case .array(let elements):
            node.value = .array(elements.flatMap { all($0, points) ?? [gathered($0, points)] })
        case .object(let members):
            node.value = .object(
                members.map {
                    JSONMember(key: $0.key, keyOrigin: $0.keyOrigin, value: gathered($0.value, points))
                })
        case .null, .bool, .number: break
        }
        return node
    }

    private func all(_ node: JSONNode, _ points: [Point]) -> [JSONNode]? {
        guard let text = node.string else { return nil }
        let references = points.compactMap { reference(text, among: names, $0.suffix) }
        guard references.count == points.count else { return nil }
        return references.map { JSONNode(value: .string($0), origin: node.origin) }
    }

    /// The reference with the suffix behind its stage's name; nil for what refers to none of those stages.
    private func reference(_ text: String, among names: Set<String>, _ suffix: String) -> String? {
        guard let (stage, _, _) = StageDirectory.split(text), names.contains(stage) else { return nil }
        return "@\(stage)\(suffix)" + Substring(text.utf8.dropFirst(stage.utf8.count + 1))
    }
}

// MARK: - The looks

extension Replication {
    /// The summary's stages once for each look; nil after a report.
    private func looks(
        _ until: JSONMember, _ summary: [JSONMember]
    ) -> (expansion: Expansion, stages: [JSONMember])? {
        let session = ReadingSession(subject: "the experiment")
        let fields = Fields(
            until.value, anchor: until.keyOrigin, path: [UntilFields.key], session: session)
        let rules = UntilFields(fields)
        fields.finish()
        guard session.diagnostics.isEmpty else {
            session.diagnostics.forEach(report)
            return nil
        }
        let outer = (points.last?.outer ?? 0) + 1
        if rules.looks.last != outer {
            report(
                Diagnostic(
                    at: until.value["looks"]?.origin ?? until.keyOrigin,
                    "The last look is after \(rules.looks.last ?? 0) repeats, but \"\(Self.key)\" has \(outer).",
                    hint: "Looks count the values that vary slowest, and the last one takes all of them."))
            return nil
        }
        let names = summary.map(\.key)
        guard let decided = StageDirectory.split(rules.decided)?.stage, rules.decided == "@\(decided)",
            names.contains(decided)
        else {
            report(
                Diagnostic(
                    at: until.value["decided"]?.origin ?? until.keyOrigin,
                    "\"\(rules.decided)\" is no stage of \"\(Self.summaryKey)\", which says what is decided.",
                    hint: NearestName.hint(
                        for: rules.decided, among: names.map { "@\($0)" }, what: "Stages there")))
            return nil
        }
        var stages: [JSONMember] = []
        var expansion = Expansion(root: root, until: rules)
        for count in rules.looks {
            let suffix = "-after-\(count)"
            let shown = points.filter { $0.outer < count }
            let copies = summary.map { stage -> JSONMember in
                var node = gathered(stage.value, shown).mapStrings { text in
                    .string(reference(text, among: Set(names), suffix) ?? text)
                }
                if stage.key == decided, node["looks"] == nil, let members = node.members,
                    let looks = until.value.member("looks")
                {
                    node.value = .object(members + [looks])
                }
                return JSONMember(key: stage.key + suffix, keyOrigin: stage.keyOrigin, value: node)
            }
            stages += copies
            expansion.looks.append(
                .init(
                    repeats: count,
                    stages: Set(
                        copies.map(\.key) + shown.flatMap { point in self.names.map { $0 + point.suffix } }),
                    decision: decided + suffix))
        }
        return (expansion, stages)
    }
}

extension JSONNode {
    /// The same value with other texts in it; keys stay.
    func mapStrings(_ change: (String) -> Value) -> JSONNode {
        var node = self
        switch value {
        case .string(let text): node.value = change(text)
        case .array(let elements): node.value = .array(elements.map { $0.mapStrings(change) })
        case .object(let members):
            node.value = .object(
                members.map {
                    JSONMember(key: $0.key, keyOrigin: $0.keyOrigin, value: $0.value.mapStrings(change))
                })
        case .null, .bool, .number: break
        }
        return node
    }
}
