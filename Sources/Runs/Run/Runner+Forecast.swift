package import ArtifactStore
internal import Base
import Recipes

extension Runner {
    /// What the stages that this run would make are expected to take; nil where it would make none.
    ///
    /// The forecaster isn't used then, so that it doesn't measure for nothing.
    ///
    /// Of repeats that go on until something is decided, those up to the next look count.
    ///
    /// - Throws: `StoreError`, `FileError`, `UnknownStageError`, `LookError`.
    package func forecast(by forecaster: Forecaster) throws -> (
        run: PlanForecast, stages: [String: StageForecast]
    )? {
        // Whether there will be further repeats isn't known.
        let look =
            options.only.isEmpty && options.force.isEmpty && options.from.isEmpty ? try currentLook() : nil
        let experiment = look.map { self.experiment.at($0) } ?? self.experiment
        let state = try StoreState(experiment, store)
        let selection = try StageSelection(experiment, options)
        let open = selection.stages.filter {
            state.records[$0.id] == nil || selection.forced.contains($0.id)
        }
        guard !open.isEmpty else { return nil }
        let forecasts = forecaster.forecasts(
            of: open, in: experiment, store, StoreCatalog(store), state
        ).mapValues(\.forecast)
        let run = PlanForecast(
            open.map { ($0.id, forecasts[$0.id]) }, threads: forecaster.threads, store: store)
        return (run, forecasts)
    }

    /// Says how good the forecast was, where there was one of all stages that were made.
    func compareWithForecast(_ outcomes: [StageOutcome], took seconds: Double) {
        let made = outcomes.filter { !$0.wasCached }
        let expected = made.compactMap { options.forecasts[$0.stage]?.seconds }
        guard !made.isEmpty, expected.count == made.count else { return }
        reporter.log(
            "Forecast \(Readable.span(expected.reduce(0, +))), took \(Readable.span(seconds)).")
    }
}

extension PlanForecast {
    /// What is said before a run: the sum on one line, and each warning.
    package var lines: [String] { text.byteText.split("\n").map(\.text) }
}
