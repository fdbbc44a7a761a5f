package import ArtifactStore
internal import Base
import Files
package import JSON
package import Ranks
package import Recipes
import SystemPackage

/// Runs the stages of an experiment that aren't in the store yet.
package struct Runner: Sendable {
    /// How to run; nothing here changes what comes out.
    package struct Options: Sendable {
        /// Threads for all stages together.
        package var threads: Int
        /// How many stages may run at once, each with its share of the threads; as many as threads when nil.
        package var jobs: Int?
        /// Whether stages that don't depend on a failed one are run all the same.
        package var keepsGoing: Bool
        /// Only these stages and what they need; all when empty.
        package var only: [String]
        /// Stages that are made again although they are in the store.
        package var force: [String]
        /// Stages that are made again together with all that depend on them.
        package var from: [String]
        /// The command line, for the record.
        package var arguments: [String]
        /// What the caller knows of the machine, for the records: for example the name of the BLAS kernels.
        ///
        /// Asked once, before the first stage that has to be made; its error stops the run there.
        package var machineExtras: @Sendable () throws -> JSONObject
        /// What stages may do beyond computing.
        package var permissions: Permissions = .none
        /// Other processes that compute for this one; nil where it is alone.
        ///
        /// They are admitted by ``machineExtras``, before the first stage that has to be made.
        package var ranks: RankPool?
        /// What stages were expected to take, by full name, for the record.
        package var forecasts: [String: StageForecast] = [:]

        package init(
            threads: Int = Machine.current.cores, jobs: Int? = nil, keepsGoing: Bool = false,
            only: [String] = [], force: [String] = [], from: [String] = [], arguments: [String] = [],
            machineExtras: @escaping @Sendable () throws -> JSONObject = { [:] }
        ) {
            self.threads = threads
            self.jobs = jobs
            self.keepsGoing = keepsGoing
            self.only = only
            self.force = force
            self.from = from
            self.arguments = arguments
            self.machineExtras = machineExtras
        }
    }

    package let experiment: Experiment
    package let store: Store
    package let options: Options
    package let reporter: ProgressReporter
    package let cancellation: Cancellation

    package init(
        _ experiment: Experiment, store: Store, options: Options = Options(),
        reporter: ProgressReporter = .silent,
        cancellation: Cancellation = .never
    ) {
        self.experiment = experiment
        self.store = store
        self.options = options
        self.reporter = reporter
        self.cancellation = cancellation
    }

    /// Runs what is needed, each stage after those that it refers to, independent ones at the same time.
    ///
    /// - Throws: `PermissionError` when a stage that isn't in the store needs what wasn't allowed, before anything is
    ///   done; `StageFailure` when a stage fails, `RunFailure` when several do or the others were to go on,
    ///   `RunInterrupted` when it was asked to stop, `StoreError`, `FileError`, `UnknownStageError`, what
    ///   `machineExtras` throws. Whatever was finished before is in the store.
    package func run() throws -> RunOutcome {
        guard let until = experiment.until, options.only.isEmpty else { return try runAll() }
        return try run(until)
    }

    /// Runs all that the options choose.
    func runAll() throws -> RunOutcome {
        let selection = try StageSelection(experiment, options)
        let clock = ContinuousClock.now
        let execution = Execution(self, selection, started: .now())
        defer {
            reporter.copy(to: nil)
            reporter.tell(whole: nil)
            if let session = execution.session {
                session.folder.log?.close()
                RunProgress.remove(from: session.folder.path)
            }
        }
        do {
            try execution.run()
        } catch {
            // A record of what went wrong is worth having, but must not hide what went wrong.
            if let session = execution.session {
                reporter.recordOnly("\(error)")
                try? session.folder.finish(record(execution, session, error: error, clock))
            }
            throw error
        }
        let outcomes = selection.stages.compactMap { execution.results.outcomes[$0.id] }
        let reports = try reports(of: outcomes)
        guard let session = execution.session else {
            let record = recordOfCached(execution, outcomes, clock)
            tellImported(outcomes)
            return RunOutcome(stages: outcomes, record: record, reports: reports)
        }
        try session.folder.finish(record(execution, session, error: nil, clock))
        let made = outcomes.count { !$0.wasCached }
        reporter.log(
            "Done in \(Readable.duration(clock.duration(to: .now).inSeconds)): \(made) made, \(outcomes.count - made) cached. Record: \(session.folder.path)"
        )
        tellImported(outcomes)
        compareWithForecast(outcomes, took: clock.duration(to: .now).inSeconds)
        return RunOutcome(stages: outcomes, record: session.folder.path, reports: reports)
    }

    /// Results that rest on what others made are said to.
    private func tellImported(_ outcomes: [StageOutcome]) {
        let imported = ImportedArtifacts(outcomes.map(\.artifact.record))
        if let sentence = imported.sentence("stages") {
            reporter.warn("\(sentence) `--trust own` makes them again.")
        }
    }

    private func reports(of outcomes: [StageOutcome]) throws -> [RunOutcome.Report] {
        try outcomes.compactMap { outcome in
            try outcome.artifact.record.report.map {
                let path = outcome.artifact.folder.pushing(FilePath($0))
                return RunOutcome.Report(path: path, text: try FileSystem.readText(path))
            }
        }
    }
}

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

extension Runner {
    /// The record of a run that ends.
    package func record(
        _ execution: Execution, _ session: RunSession, error: (any Error)?, _ clock: ContinuousClock.Instant
    ) -> RunRecord {
        let paths = MachinePaths(store: store.root)
        var record = RunRecord(
            format: RunRecord.format, experiment: experiment.name,
            status: error == nil ? .finished : error is RunInterrupted ? .interrupted : .failed,
            message: error.map { paths.hidden(in: "\($0)") },
            stages: execution.selection.stages.map { entry($0, execution.results, paths) },
            started: execution.started.text, finished: Timestamp.now().text,
            seconds: clock.duration(to: .now).inSeconds, arguments: arguments(paths),
            config: experiment.source.map { source in
                RunRecord.Config(
                    file: paths.hidden(in: source.file), overrides: source.overrides.map(paths.hidden),
                    groups: source.groups)
            },
            code: session.code, machine: session.machine(threads: options.threads),
            environment: execution.environment.mapValues(paths.hidden))
        record.look = experiment.look.map { look in
            let decision = execution.results.outcomes[look.decision]
                .flatMap { try? Decision($0.artifact, stage: look.decision) }
            return RunRecord.Look(
                number: look.number, count: look.count, repeats: look.repeats, maximum: look.maximum,
                open: decision?.open)
        }
        return record
    }

    /// The record of a run that had nothing to do: an earlier one of the same artifacts, or else one of its own.
    func recordOfCached(
        _ execution: Execution, _ outcomes: [StageOutcome], _ clock: ContinuousClock.Instant
    ) -> FilePath? {
        let count = outcomes.count
        let text = "Everything is cached: \(count == 1 ? "1 stage" : "all \(count) stages")."
        if let earlier = finishedRun(of: outcomes) {
            reporter.log("\(text) Record: \(earlier)")
            return earlier
        }
        do {
            // What the machine can do doesn't matter to a run that doesn't use it.
            let session = try RunSession(
                self, started: execution.started, extras: (try? options.machineExtras()) ?? [:])
            defer { session.folder.log?.close() }
            reporter.log("\(text) Record: \(session.folder.path)")
            try session.folder.finish(record(execution, session, error: nil, clock))
            return session.folder.path
        } catch {
            reporter.log(text)
            reporter.warn("This run has no record: \(error)")
            return nil
        }
    }

    /// The newest run of the experiment that ended with exactly these artifacts.
    private func finishedRun(of outcomes: [StageOutcome]) -> FilePath? {
        let wanted = outcomes.map { [$0.stage, $0.artifact.record.fingerprint] }
        return store.runs(of: experiment.name).last { folder in
            guard let record = try? RunRecord.read(folder), record.format == RunRecord.format,
                record.status == .finished
            else { return false }
            return record.stages.map { [$0.stage, $0.fingerprint] } == wanted
        }
    }

    private func entry(_ stage: Stage, _ results: RunResults, _ paths: MachinePaths) -> RunRecord.Entry {
        let outcome = results.outcomes[stage.id]
        let failure = results.failures.first { $0.stage == stage.id }
        let stop = results.stops.first { $0.stage == stage.id }
        let skip = results.skips.first { $0.stage == stage.id }
        let made = outcome.flatMap { $0.wasCached ? nil : $0.artifact.record }
        return RunRecord.Entry(
            stage: stage.id,
            artifact: relative(outcome?.artifact.folder ?? store.folder(of: stage, in: experiment)),
            fingerprint: stage.fingerprint,
            status: outcome.map { $0.wasCached ? .cached : .made } ?? (failure != nil ? .failed : .skipped),
            seconds: outcome?.seconds ?? 0, peakMemory: made?.peakMemory, stagesAtOnce: made?.stagesAtOnce,
            threads: outcome?.threads, forecast: options.forecasts[stage.id],
            message: (failure?.description ?? stop?.kept ?? skip?.reason).map(paths.hidden),
            origin: outcome?.artifact.record.origin)
    }

    /// Where the command lies is the machine's; what it is called with is the run's.
    private func arguments(_ paths: MachinePaths) -> [String] {
        options.arguments.enumerated().map { index, argument in
            index == 0 ? FilePath(argument).lastComponent?.string ?? argument : paths.hidden(in: argument)
        }
    }

    private func relative(_ folder: FilePath) -> FilePath {
        var folder = folder
        _ = folder.removePrefix(store.root)
        return folder
    }
}
