package import ArtifactStore
import Files
package import JSON
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
            execution.session?.folder.log?.close()
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
