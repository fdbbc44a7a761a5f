import Files
import SystemPackage

/// Forecasts what the stages of a plan would take.
public struct Forecaster: Sendable {
    let speed: any SpeedMeter
    let threads: Int
    let machine: Machine

    /// - Parameters:
    ///   - speed: How fast this machine is.
    ///   - threads: How many threads the run would have.
    ///   - machine: Whose earlier artifacts tell how good forecasts are.
    public init(_ speed: any SpeedMeter, threads: Int, machine: Machine = .current) {
        self.speed = speed
        self.threads = threads
        self.machine = machine
    }

    /// What the stages that aren't cached would take, each with the calibration that was applied.
    ///
    /// - Parameters:
    ///   - records: The records of the stages that are cached, by stage.
    ///   - leftovers: What earlier processes left of the others, by stage.
    func forecasts(
        _ experiment: Experiment, store: Store, catalog: StoreCatalog, records: [String: ArtifactRecord],
        leftovers: [String: Leftovers]
    ) -> [String: CalibratedForecast] {
        let stages = Dictionary(experiment.stages.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let finder = FactFinder(speed, threads: threads) { id in
            stages[id].map { .init(implementation: $0.implementation, record: records[id]) }
        }
        let past = PastStages(experiment.stages.map { type(of: $0.implementation) }, catalog)
        let calibrator = Calibrator(
            catalog, past, speed, threads: threads, store: store, machine: machine)
        var result: [String: CalibratedForecast] = [:]
        for stage in experiment.stages where records[stage.id] == nil {
            let source = FactFinder.Source(implementation: stage.implementation, record: nil)
            let left = leftovers[stage.id]
            let context = finder.context(
                source, recordsDone: left?.records ?? 0, workFolder: left?.folder)
            guard var forecast = stage.implementation.forecast(context) else { continue }
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
public struct CalibratedForecast: Sendable {
    /// The best that is known.
    public let forecast: StageForecast
    /// From the machine's speed alone.
    public let measured: StageForecast
    /// Nil where no earlier artifact tells anything.
    public let calibration: Calibration?
}

/// Work of a stage that was stopped.
struct Leftovers {
    let folder: FilePath
    /// Records in its journals.
    let records: Int

    /// What is in a work folder; nil where it is empty or absent.
    init?(_ folder: FilePath) {
        guard let files = try? FileSystem.list(folder), !files.isEmpty else { return nil }
        self.folder = folder
        records = files.filter { $0.hasSuffix(".jsonl") }.reduce(0) { sum, name in
            let path = folder.appending(name)
            guard let bytes = try? FileSystem.read(path),
                let text = try? JournalText(parsing: bytes, path: path, fingerprint: nil)
            else { return sum }
            return sum + text.records.count
        }
    }
}
