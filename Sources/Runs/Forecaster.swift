package import ArtifactStore
internal import Base
import Files
package import JSON
package import Recipes
package import SystemPackage

/// Forecasts what the stages of a plan would take.
package struct Forecaster: Sendable {
    let speed: any SpeedMeter
    package let threads: Int
    package let machine: Machine

    /// - Parameters:
    ///   - speed: How fast this machine is.
    ///   - threads: How many threads the run would have.
    ///   - machine: Whose earlier artifacts tell how good forecasts are.
    package init(_ speed: any SpeedMeter, threads: Int, machine: Machine = .current) {
        self.speed = speed
        self.threads = threads
        self.machine = machine
    }

    /// What stages would take, each with the calibration that was applied.
    ///
    /// - Parameters:
    ///   - open: The stages that would be made.
    ///   - state: What is in the store; of stages that would be made again, the artifact doesn't count.
    func forecasts(
        of open: [Stage], in experiment: Experiment, _ store: Store, _ catalog: StoreCatalog,
        _ state: StoreState
    ) -> [String: CalibratedForecast] {
        var known = state.records
        for stage in open { known[stage.id] = nil }
        let records = known
        let stages = Dictionary(
            experiment.stages.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let finder = FactFinder(speed, threads: threads) { id in
            stages[id]?.kind.map { .init(implementation: $0, record: records[id]) }
        }
        let past = PastStages(experiment.stages.compactMap { $0.kind.map { type(of: $0) } }, catalog)
        let calibrator = Calibrator(
            catalog, past, speed, threads: threads, store: store, machine: machine)
        var result: [String: CalibratedForecast] = [:]
        for stage in open {
            guard let kind = stage.kind else { continue }
            let source = FactFinder.Source(implementation: kind, record: nil)
            let left = state.leftovers[stage.id]
            let context = finder.context(
                source, recordsDone: left?.records ?? 0, workFolder: left?.folder)
            guard var forecast = kind.forecast(context) else { continue }
            let measured = forecast
            let calibration = forecast.seconds == nil ? nil : calibrator.calibration(of: stage)
            if let calibration { forecast.seconds = forecast.seconds.map { $0 * calibration.ratio } }
            result[stage.id] = CalibratedForecast(
                forecast: forecast, measured: measured, calibration: calibration)
        }
        return result
    }
}

/// A forecast, and what it was before earlier artifacts of this machine were taken into account.
package struct CalibratedForecast: Sendable {
    /// The best that is known.
    package let forecast: StageForecast
    /// From the machine's speed alone.
    package let measured: StageForecast
    /// Nil where no earlier artifact tells anything.
    package let calibration: Calibration?
}

/// What a kind of stage can go by when it forecasts: the machine's speed, and what is known of the inputs.
package struct ForecastContext {
    /// How fast this machine is.
    package let speed: any SpeedMeter
    /// How many threads the stage will have.
    package let threads: Int
    /// How many threads were busy when the speed was measured; other than ``threads`` only for stages of earlier runs.
    package let measuredThreads: Int
    /// The stage's own artifact, if it is in the store: what came out is known better from it than from the keys.
    package let record: ArtifactRecord?
    /// How many records the journals of an earlier process hold.
    package let recordsDone: Int
    /// Where an earlier process left checkpoints; nil where there is nothing.
    package let workFolder: FilePath?
    private let inputs: (ArtifactReference) -> Facts

    /// - Parameter inputs: What is known of each artifact that the stage refers to.
    package init(
        speed: any SpeedMeter, threads: Int, measuredThreads: Int? = nil, record: ArtifactRecord? = nil,
        recordsDone: Int = 0,
        workFolder: FilePath? = nil, inputs: @escaping (ArtifactReference) -> Facts = { _ in [:] }
    ) {
        self.speed = speed
        self.threads = threads
        self.measuredThreads = measuredThreads ?? threads
        self.record = record
        self.recordsDone = recordsDone
        self.workFolder = workFolder
        self.inputs = inputs
    }

    /// What is known of an artifact that the stage refers to, whether it has been made or not.
    package func facts(of reference: ArtifactReference) -> Facts { inputs(reference) }

    /// Seconds that so many pieces of work take one after another; nil where the speed isn't known.
    package func seconds(of work: Work, times count: Double = 1) -> Double? {
        speed.seconds(of: work).map { $0 * count }
    }
}

/// What a number of ``Facts`` says: "layers of the model".
///
/// Kinds declare their own in extensions; what the numbers mean is their matter.
package struct FactName: Hashable, Sendable {
    package let name: String

    /// A fact of this name.
    package init(_ name: String) { self.name = name }
}

/// Named numbers and documents: what is known of an artifact before it is made, or how large a piece of work is.
package struct Facts: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    private var numbers: [FactName: Double]
    private var documents: [FactName: JSONValue] = [:]

    /// The numbers with their names.
    package init(dictionaryLiteral elements: (FactName, Double)...) {
        numbers = Dictionary(elements, uniquingKeysWith: { _, last in last })
    }

    /// The number of that name; nil where it isn't known.
    package subscript(name: FactName) -> Double? {
        get { numbers[name] }
        set { numbers[name] = newValue }
    }

    /// The document of that name, for what more than a number says; nil where it isn't known.
    package subscript(document name: FactName) -> JSONValue? {
        get { documents[name] }
        set { documents[name] = newValue }
    }

    /// The number of that name, rounded; nil where it isn't known or is no sensible count.
    package func count(_ name: FactName) -> Int? {
        guard let number = numbers[name], number.isFinite, number >= 0, number < 1e18 else { return nil }
        return Int(number.rounded())
    }

    /// These facts with those of `other` added; where both know one, `other`'s.
    package func merging(_ other: Facts) -> Facts {
        var result = self
        result.numbers.merge(other.numbers) { _, new in new }
        result.documents.merge(other.documents) { _, new in new }
        return result
    }
}

/// Finds what is known of artifacts, by asking the stages that make them, back to those without inputs.
final class FactFinder {
    /// One stage to ask: of the experiment, or one that was read back from the recipe of an artifact.
    struct Source {
        package let implementation: any StageKind
        /// Its artifact, if it is in the store.
        package let record: ArtifactRecord?
    }

    private let speed: any SpeedMeter
    private let threads: Int
    /// The stage behind a reference.
    private let source: (String) -> Source?
    private var known: [String: Facts] = [:]

    package init(_ speed: any SpeedMeter, threads: Int, source: @escaping (String) -> Source?) {
        self.speed = speed
        self.threads = threads
        self.source = source
    }

    /// What is known of the artifact of a stage.
    func facts(ofStage stage: String) -> Facts {
        if let facts = known[stage] { return facts }
        // Also what ends a circle, which recipes of one another can't have, but files of the store might claim.
        known[stage] = [:]
        guard let source = source(stage) else { return [:] }
        let facts = source.implementation.facts(context(source))
        known[stage] = facts
        return facts
    }

    /// What a stage can go by.
    ///
    /// - Parameter share: How many of the threads it has; all when nil.
    package func context(
        _ source: Source, share: Int? = nil, recordsDone: Int = 0, workFolder: FilePath? = nil
    ) -> ForecastContext {
        ForecastContext(
            speed: speed, threads: share ?? threads, measuredThreads: threads, record: source.record,
            recordsDone: recordsDone, workFolder: workFolder
        ) { [unowned self] in facts(ofStage: $0.stage) }
    }
}

/// A piece of work whose time on this machine can be measured: what it is, and how large.
package struct Work: Hashable, Sendable {
    package let name: String
    package let size: Facts

    /// Work of this name and size.
    package init(_ name: String, _ size: Facts) {
        self.name = name
        self.size = size
    }
}

/// How fast this machine does pieces of work.
///
/// Whoever implements it knows what the names mean; it may measure when it is first asked, and never before.
package protocol SpeedMeter: Sendable {
    /// Seconds that the work takes; nil where it can't tell.
    func seconds(of work: Work) -> Double?
}

/// What the store has of the stages of an experiment.
struct StoreState {
    /// What stands in the place of each stage's artifact.
    private(set) var findings: [String: Store.Finding] = [:]
    /// The records of the stages whose artifacts are there.
    private(set) var records: [String: ArtifactRecord] = [:]
    /// What earlier processes left of the others.
    private(set) var leftovers: [String: Leftovers] = [:]

    /// Looks without changing anything.
    ///
    /// - Throws: `StoreError`, `FileError`.
    package init(_ experiment: Experiment, _ store: Store) throws {
        for stage in experiment.stages {
            let finding = try store.find(stage, in: experiment)
            findings[stage.id] = finding
            if case .whole(let artifact) = finding {
                records[stage.id] = artifact.record
            } else {
                leftovers[stage.id] = Leftovers(store.workFolder(stage.fingerprint))
            }
        }
    }
}

/// Work of a stage that was stopped.
struct Leftovers {
    package let folder: FilePath
    /// Records in its journals.
    package let records: Int

    /// What is in a work folder; nil where it is empty or absent.
    package init?(_ folder: FilePath) {
        guard let files = try? FileSystem.list(folder), !files.isEmpty else { return nil }
        self.folder = folder
        records = files.filter { $0.byteText.hasSuffix(".jsonl") }.reduce(0) { sum, name in
            let path = folder.appending(name)
            guard let text = try? JournalText(reading: path, fingerprint: nil) else { return sum }
            return sum + text.records.count
        }
    }
}
