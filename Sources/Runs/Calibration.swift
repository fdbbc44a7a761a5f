import ArtifactStore
internal import Base
import JSON
import Recipes
import SystemPackage

/// How far forecasts were off for artifacts that this machine has made before.
package struct Calibration: Sendable {
    /// What it took over what the forecast would have been.
    package let ratio: Double
    /// The artifacts that were compared, relative to the store.
    package let artifacts: [String]
}

/// Compares forecasts with what earlier artifacts of the same kind took on the same machine.
///
/// The forecast of an earlier artifact is made anew from its recipe, so that stores without forecasts count as well.
final class Calibrator {
    /// Of so many artifacts the median counts: single ones were made while the machine did something else, too.
    private static let sample = 3
    /// Only so many of a kind, the newest, are looked at.
    private static let recent = 100
    private static let plausible = 0.1...10.0
    /// Shorter ones are all overhead.
    private static let shortest = 0.5

    private let candidates: [String: [Artifact]]
    private let past: PastStages
    private let finder: FactFinder
    private let store: Store
    private var ratios: [String: Double?] = [:]

    package init(
        _ catalog: StoreCatalog, _ past: PastStages, _ speed: any SpeedMeter, threads: Int, store: Store,
        machine: Machine
    ) {
        self.past = past
        self.store = store
        finder = FactFinder(speed, threads: threads) { past[$0] }
        let usable = catalog.all.filter { $0.record.isComparable(on: machine, threads: threads) }
        candidates = Dictionary(grouping: usable) { $0.record.kind ?? "" }
            .mapValues { $0.sorted { $0.record.finished > $1.record.finished }.prefix(Self.recent) }
            .mapValues(Array.init)
    }

    /// The ratio of the artifacts most like the one that the stage makes; nil where there is none.
    func calibration(of stage: Stage) -> Calibration? {
        let ranked = (candidates[stage.recipe.kind] ?? []).enumerated()
            .map {
                (
                    $0.element, RecipeDifference.between($0.element.record.recipe, stage.recipe.value).count,
                    $0.offset
                )
            }
            .sorted { ($0.1, $0.2) < ($1.1, $1.2) }
        var found: [(artifact: Artifact, ratio: Double)] = []
        for (artifact, _, _) in ranked.prefix(2 * Self.sample) where found.count < Self.sample {
            if let ratio = ratio(of: artifact) { found.append((artifact, ratio)) }
        }
        guard !found.isEmpty else { return nil }
        let sorted = found.map(\.ratio).sorted()
        let names = found.map { item in
            var folder = item.artifact.folder
            _ = folder.removePrefix(store.root)
            return folder.string
        }
        return Calibration(ratio: sorted[sorted.count / 2], artifacts: names)
    }

    /// What an artifact took over what its forecast would have been.
    private func ratio(of artifact: Artifact) -> Double? {
        let record = artifact.record
        if let ratio = ratios[record.fingerprint] { return ratio }
        var ratio: Double?
        if let source = past[record.fingerprint] {
            // As it was before it was made: its own record would tell what came out.
            let before = FactFinder.Source(implementation: source.implementation, record: nil)
            let seconds = before.implementation.forecast(finder.context(before, share: record.threads))?
                .seconds
            if let seconds, seconds > 0.1 { ratio = record.seconds / seconds }
            // So far off, something else was the matter than the machine's speed.
            if let found = ratio, !Self.plausible.contains(found) { ratio = nil }
        }
        ratios[record.fingerprint] = ratio
        return ratio
    }

    /// Whether it is worth comparing with.
    fileprivate static func isLongEnough(_ seconds: Double) -> Bool { seconds >= shortest }
}

extension ArtifactRecord {
    /// How many threads it was made with.
    fileprivate var threads: Int? { machine["threads"]?.int }

    /// Whether it was made from beginning to end by one process on such a machine, with no more than so many threads.
    ///
    /// With more, threads would have been in each other's way in a manner that wasn't measured.
    fileprivate func isComparable(on other: Machine, threads limit: Int) -> Bool {
        guard let threads, threads >= 1, threads <= limit else { return false }
        return !isResumed && Calibrator.isLongEnough(seconds)
            && machine["processor"]?.string == other.processor && machine["cores"]?.int == other.cores
    }
}

/// Stages as they were when their artifacts were made, read back from the recipes.
final class PastStages {
    private let kinds: [String: any StageKind.Type]
    private let catalog: StoreCatalog
    private var known: [String: FactFinder.Source?] = [:]

    /// - Parameter kinds: The kinds that can be read; artifacts of others are passed over.
    package init(_ kinds: [any StageKind.Type], _ catalog: StoreCatalog) {
        self.kinds = Dictionary(kinds.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.catalog = catalog
    }

    /// The stage that made the artifact with this fingerprint, its references being fingerprints too; nil where it
    /// can't be read any more.
    package subscript(fingerprint: String) -> FactFinder.Source? {
        if let stage = known[fingerprint] { return stage }
        let stage = catalog[fingerprint].flatMap { read($0.record) }
        known[fingerprint] = stage
        return stage
    }

    private func read(_ record: ArtifactRecord) -> FactFinder.Source? {
        guard let kind = record.kind.flatMap({ kinds[$0] }), record.recipe["version"]?.int == kind.version,
            var object = record.recipe["config"]?.object
        else { return nil }
        var inputs: [String] = []
        for input in record.recipe["inputs"]?.object?.members ?? [] {
            // Kinds have their references at the top; one further down would have to be put in its place.
            guard !input.key.byteText.contains("."), let value = references(input.value, &inputs) else {
                return nil
            }
            if value != .null { object[input.key] = value }
        }
        guard let bytes = try? JSONValue.object(object).compactBytes(),
            let document = try? JSONDocument(parsing: bytes, name: "recipe")
        else { return nil }
        let node = document.root
        let directory = StageDirectory(
            entries: Set(inputs).map { fingerprint in
                .init(
                    name: fingerprint, kind: catalog[fingerprint]?.record.kind.flatMap { kinds[$0] },
                    variants: [fingerprint])
            })
        let references = StageReferences(directory: directory)
        let session = ReadingSession(subject: "a recipe", context: references)
        let fields = Fields(node, anchor: node.origin, path: [], session: session)
        let implementation = kind.init(fields)
        fields.finish()
        // A placeholder stands for a reference to an artifact that is gone.
        guard session.diagnostics.isEmpty,
            references.inputs.flatMap(\.references).allSatisfy({ !$0.stage.isEmpty })
        else { return nil }
        return .init(implementation: implementation, record: record)
    }

    /// References as a configuration writes them: the fingerprints with an @ before them.
    private func references(_ value: JSONValue, _ inputs: inout [String]) -> JSONValue? {
        switch value {
        case .null: return .null
        case .string(let text):
            inputs.append(InputReference(text).fingerprint)
            return .string("@\(text)")
        case .array(let elements):
            if elements.contains(where: { $0["label"] != nil }) {
                var object = JSONObject()
                for element in elements {
                    guard let label = element["label"]?.string, let artifacts = element["artifacts"],
                        let value = references(artifacts, &inputs)
                    else { return nil }
                    object[label] = value
                }
                return .object(object)
            }
            let values = elements.compactMap { references($0, &inputs) }
            return values.count == elements.count ? .array(values) : nil
        default: return nil
        }
    }
}
