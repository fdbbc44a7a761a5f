import ArtifactStore
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
