internal import Base
import JSON
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
