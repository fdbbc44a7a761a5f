public import ArtifactStore
import Files
public import JSON
public import Recipes
import SystemPackage

/// Runs the stages of an experiment that aren't in the store yet.
public struct Runner: Sendable {
    /// How to run; nothing here changes what comes out.
    public struct Options: Sendable {
        /// Threads for all stages together.
        public var threads: Int
        /// How many stages may run at once, each with its share of the threads; as many as threads when nil.
        public var jobs: Int?
        /// Whether stages that don't depend on a failed one are run all the same.
        public var keepsGoing: Bool
        /// Only these stages and what they need; all when empty.
        public var only: [String]
        /// Stages that are made again although they are in the store.
        public var force: [String]
        /// Stages that are made again together with all that depend on them.
        public var from: [String]
        /// The command line, for the record.
        public var arguments: [String]
        /// What the caller knows of the machine, for the records: for example the name of the BLAS kernels.
        ///
        /// Asked once, before the first stage that has to be made; its error stops the run there.
        public var machineExtras: @Sendable () throws -> JSONObject
        /// What stages may do beyond computing.
        public var permissions: Permissions = .none
        /// Other processes that compute for this one; nil where it is alone.
        ///
        /// They are admitted by ``machineExtras``, before the first stage that has to be made.
        public var ranks: RankPool?
        /// What stages were expected to take, by full name, for the record.
        public var forecasts: [String: StageForecast] = [:]

        public init(
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

    public let experiment: Experiment
    public let store: Store
    public let options: Options
    package let reporter: ProgressReporter
    package let cancellation: Cancellation

    public init(
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
    public func run() throws -> RunOutcome {
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
