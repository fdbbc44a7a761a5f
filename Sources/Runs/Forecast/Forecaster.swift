package import ArtifactStore
import Recipes

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
