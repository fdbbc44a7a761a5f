internal import Base
internal import JSON
import OrderedCollections
import SystemPackage

/// The passes over a configuration: the head, the directory of stages, each stage, the order.
struct ExperimentLoader {
    /// More stages and variants than this are a slip of the pen.
    package static let limit = 20_000
    /// The most values of all stages and variants together: few bytes of a configuration can stand for many.
    package static let valueLimit = 2_000_000
    /// So many problems are looked for.
    package static let problemLimit = ReadingSession.limit

    package let registry: StageRegistry
    package var lock: FilePath?
    package var problems: [Diagnostic] = []
    private var pins = Pins.none

    package init(registry: StageRegistry, lock: FilePath? = nil) {
        (self.registry, self.lock) = (registry, lock)
    }

    /// A stage or variant that was read but has no fingerprint yet.
    private struct Draft {
        let id: String
        let name: String
        let variant: JSONObject
        let implementation: any StageDescription
        let config: JSONObject
        let inputs: [StageInput]
        let seed: Int
    }

    /// A stage's own object, and the objects that its matrix makes of it.
    package struct Source {
        package let member: JSONMember
        package let variants: [(id: String, values: JSONObject, node: JSONNode)]
        /// How many values all variants have together; more than there is room for where they weren't made.
        let values: Int
    }

    package mutating func load(_ original: JSONNode) -> Experiment? {
        let expansion = Replication.expand(original) { problems.append($0) }
        let root = expansion.root
        let session = ReadingSession(subject: "the experiment")
        let fields = Fields(
            root, anchor: root.origin, path: [], session: session,
            reserved: ["stages", Pins.key, Replication.key, Replication.summaryKey, UntilFields.key]
                + ConfigFile.keys)
        let head = ExperimentHead(fields)
        fields.finish()
        if let name = root["name"]?.string { checkName(name, fields) }
        if root.members != nil, root["stages"]?.members?.isEmpty ?? true {
            fields.reject("stages", "An experiment needs the key \"stages\" with at least one stage.")
        }
        problems += session.diagnostics
        pins = Pins(root, lock: lock) { problems.append($0) }
        var sources: [Source] = []
        var (variants, values) = (0, 0)
        for member in root["stages"]?.members ?? [] {
            let source = expand(member, room: Self.valueLimit - values)
            variants += source.variants.count
            values += source.values
            guard variants <= Self.limit, values <= Self.valueLimit else {
                fields.reject(
                    "stages",
                    variants > Self.limit
                        ? "The experiment has more than \(Self.limit) stages, variants included."
                        : "The stages have more than \(Self.valueLimit) values, those of all variants and copies counted."
                )
                problems = session.diagnostics
                return nil
            }
            sources.append(source)
        }
        let directory = directory(of: sources)
        var seen: Set<Diagnostic> = []
        var drafts: OrderedDictionary<String, [Draft]> = [:]
        var edges: OrderedDictionary<String, [(stage: String, origin: Origin)]> = [:]
        for (source, entry) in zip(sources, directory.entries) {
            edges[entry.name] = []
            guard let kind = entry.kind else { continue }
            for variant in source.variants where problems.count < Self.problemLimit {
                let (draft, problems, references) = read(
                    variant, of: source, kind, seed: head.seed, directory)
                drafts[entry.name, default: []].append(draft)
                edges[entry.name, default: []] += references.edges
                // Variants of one stage share most of their lines, and with them their problems.
                self.problems += problems.filter { seen.insert($0).inserted }
            }
        }
        guard let order = order(edges), problems.isEmpty else { return nil }
        var experiment = Experiment(
            name: head.name, seed: head.seed, description: head.description,
            stages: finish(order.flatMap { drafts[$0] ?? [] }))
        experiment.until = until(expansion, experiment)
        return experiment
    }

    private func until(_ expansion: Replication.Expansion, _ experiment: Experiment) -> Experiment.Until? {
        guard let rules = expansion.until else { return nil }
        var stages: Set<String> = []
        var looks: [Experiment.Look] = []
        for (index, look) in expansion.looks.enumerated() {
            stages.formUnion(
                experiment.closure(of: experiment.stages.filter { look.stages.contains($0.name) }.map(\.id)))
            looks.append(
                Experiment.Look(
                    number: index + 1, count: expansion.looks.count, repeats: look.repeats,
                    maximum: expansion.looks.last?.repeats ?? look.repeats, decision: look.decision,
                    stages: stages))
        }
        return Experiment.Until(looks: looks, minutes: rules.minutes)
    }

    private func checkName(_ name: String, _ fields: Fields) {
        let parts = name.byteText.split("/", keepingEmpty: true).map(\.text)
        let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-_")
        guard parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(allowed.contains) }),
            ExperimentHead.reservedFolders.isDisjoint(with: parts)
        else {
            fields.reject(
                "name", "The name \"\(name)\" can't be a folder of the store.",
                hint:
                    "Use a-z, 0-9, - and _, with / between folders; \"runs\", \"determinism\" and \"launches\" are taken."
            )
            return
        }
    }

    private mutating func directory(of sources: [Source]) -> StageDirectory {
        let entries = sources.map { source in
            StageDirectory.Entry(
                name: source.member.key, kind: kind(of: source.member),
                variants: source.variants.map(\.id))
        }
        return StageDirectory(entries: entries)
    }

    private mutating func kind(of member: JSONMember) -> (any StageDescription.Type)? {
        guard member.value.members != nil else {
            problems.append(
                Diagnostic(
                    at: member.value.origin,
                    "Stage \"\(member.key)\" should be an object; this is \(member.value.shown)."
                ))
            return nil
        }
        let names = registry.kinds.map { $0.name }
        guard let node = member.value["kind"] else {
            problems.append(
                Diagnostic(
                    at: member.keyOrigin, "Stage \"\(member.key)\" lacks the key \"kind\".",
                    hint: "Kinds: \(names.joined(separator: ", "))."))
            return nil
        }
        guard let name = node.string, let kind = registry[name] else {
            problems.append(
                Diagnostic(
                    at: node.origin, "There is no kind \(node.shown) of stages.",
                    hint: NearestName.hint(for: node.string ?? "", among: names, what: "Kinds")))
            return nil
        }
        return kind
    }

    private func read(
        _ variant: (id: String, values: JSONObject, node: JSONNode), of source: Source,
        _ kind: any StageDescription.Type, seed: Int, _ directory: StageDirectory
    ) -> (Draft, [Diagnostic], StageReferences) {
        let references = StageReferences(directory: directory, pins: pins)
        let session = ReadingSession(subject: "stage \"\(source.member.key)\"", context: references)
        let fields = Fields(
            variant.node, anchor: source.member.keyOrigin, path: [], session: session,
            reserved: ["kind", "matrix", "seed"])
        let implementation = kind.init(fields)
        fields.finish()
        // The seed is a field of the recipe of its own, so it is read apart from the kind's keys.
        let common = Fields(variant.node, anchor: source.member.keyOrigin, path: [], session: session)
        let ownSeed = common.integer("seed", default: seed, in: 0..., "What random numbers are drawn from.")
        let draft = Draft(
            id: variant.id, name: source.member.key, variant: variant.values, implementation: implementation,
            config: fields.config, inputs: references.inputs, seed: ownSeed)
        return (draft, session.diagnostics, references)
    }

    private mutating func finish(_ drafts: [Draft]) -> [Stage] {
        var fingerprints: [String: String] = [:]
        return drafts.compactMap { draft in
            let recipe = Recipe(
                kind: type(of: draft.implementation), config: draft.config, inputs: draft.inputs,
                seed: draft.seed,
                fingerprints: fingerprints)
            // Numbers come from JSON or from defaults that were checked to be finite, so that this can't fail.
            guard let fingerprint = try? recipe.fingerprint() else {
                preconditionFailure("the default of a key of \(recipe.kind) isn't finite")
            }
            fingerprints[draft.id] = fingerprint
            return Stage(
                id: draft.id, name: draft.name, variant: draft.variant, implementation: draft.implementation,
                recipe: recipe, fingerprint: fingerprint, inputs: draft.inputs)
        }
    }
}

extension ExperimentLoader {
    /// Names of stages, each after those it refers to, otherwise as in the file; nil after a report of a cycle.
    mutating func order(_ edges: OrderedDictionary<String, [(stage: String, origin: Origin)]>)
        -> [String]?
    {
        var done: OrderedSet<String> = []
        var path: [String] = []
        var isCyclic = false

        func visit(_ name: String, _ problems: inout [Diagnostic]) {
            guard !done.contains(name) else { return }
            path.append(name)
            for edge in edges[name] ?? [] where edges[edge.stage] != nil {
                if let start = path.firstIndex(of: edge.stage) {
                    isCyclic = true
                    let circle = (path[start...] + [edge.stage]).joined(separator: " → ")
                    problems.append(
                        Diagnostic(
                            at: edge.origin, "Stages refer to one another in a circle: \(circle).",
                            hint: "A stage can only read what is made before it."))
                } else {
                    visit(edge.stage, &problems)
                }
            }
            path.removeLast()
            done.append(name)
        }
        for name in edges.keys { visit(name, &problems) }
        return isCyclic ? nil : Array(done)
    }
}

extension ExperimentLoader {
    /// A stage's own object, or those that its matrix makes of it.
    ///
    /// - Parameter room: How many values they may have together; where they would have more, none is made.
    mutating func expand(_ member: JSONMember, room: Int) -> Source {
        let name = member.key
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        if name.isEmpty || !name.allSatisfy(allowed.contains) {
            problems.append(
                Diagnostic(
                    at: member.keyOrigin, "\"\(name)\" can't be the name of a stage.",
                    hint: "Use letters, digits, - and _."))
        }
        guard let matrixNode = member.value["matrix"] else {
            return Source(
                member: member, variants: [(name, [:], member.value)], values: member.value.valueCount)
        }
        let matrix = Matrix(matrixNode, subject: "stage \"\(name)\"") { problems.append($0) }
        let values = matrix.points.count * member.value.valueCount
        guard values <= room else { return Source(member: member, variants: [], values: values) }
        var seen: Set<String> = []
        var variants: [(id: String, values: JSONObject, node: JSONNode)] = []
        for (point, id) in zip(matrix.points, matrix.names(of: name)) where !point.isEmpty {
            if !seen.insert(id).inserted {
                problems.append(
                    Diagnostic(
                        at: point[point.count - 1].value.origin,
                        "The matrix of stage \"\(name)\" has the variant \"\(id)\" twice."))
                continue
            }
            var node = member.value
            for setting in point {
                do throws(PathProblem) {
                    try node.set(setting.path.parts[...], to: setting.value, keyOrigin: setting.keyOrigin)
                } catch {
                    problems.append(
                        Diagnostic(
                            at: setting.keyOrigin, "\"\(setting.path)\" \(error.reason).", hint: error.hint))
                }
            }
            let values = JSONObject(point.map { ($0.path.description, JSONValue(setting: $0.value)) })
            variants.append((id, values, node))
        }
        return Source(member: member, variants: variants, values: values)
    }
}

/// The keys of an experiment beside its stages.
package struct ExperimentHead {
    package let name: String
    package let seed: Int
    package let description: String?

    /// Folders of an experiment's folder in a store that hold no artifacts; no part of a name may be one of them.
    package static let reservedFolders: Set<String> = ["runs", "determinism", "launches"]

    package init(_ fields: Fields) {
        _ = fields.optionalString("$schema", "The schema that editors check the file with.")
        name = fields.string("name", "The experiment's address in the store, such as \"mini/table1\".")
        seed = fields.integer("seed", default: 0, in: 0..., "What random numbers are drawn from.")
        description = fields.optionalString("description", "What the experiment is about.")
    }

    /// The keys as ``init(_:)`` asks for them.
    package static var fields: [FieldDescription] {
        let fields = Fields.describing()
        _ = ExperimentHead(fields)
        return fields.description.fields
    }
}

/// The keys that a stage of any kind has.
enum StageHead {
    package static func fields(_ registry: StageRegistry) -> [FieldDescription] {
        [
            FieldDescription(
                key: "kind", type: .choice(registry.kinds.map { $0.name }), presence: .required,
                role: .recipe,
                summary: "What the stage does."),
            FieldDescription(
                key: "seed", type: .integer((0...).bounds), presence: .optional, role: .recipe,
                summary: "What random numbers are drawn from; the experiment's seed where it is left out.",
                acceptsNull: false),
        ]
    }
}
