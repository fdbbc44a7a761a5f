import Files
public import JSON
public import SystemPackage

/// Runs the stages of an experiment that aren't in the store yet.
public struct Runner: Sendable {
    /// How to run; nothing here changes what comes out.
    public struct Options: Sendable {
        /// Threads for each stage.
        public var threads: Int
        /// Only these stages and what they need; all when empty.
        public var only: [String]
        /// Stages that are made again although they are in the store.
        public var force: [String]
        /// The command line, for the record.
        public var arguments: [String]
        /// What the caller knows of the machine, for the records: for example the name of the BLAS kernels.
        ///
        /// Asked once, before the first stage that has to be made; its error stops the run there.
        public var machineExtras: @Sendable () throws -> JSONObject

        public init(
            threads: Int = Machine.current.cores, only: [String] = [], force: [String] = [],
            arguments: [String] = [],
            machineExtras: @escaping @Sendable () throws -> JSONObject = { [:] }
        ) {
            self.threads = threads
            self.only = only
            self.force = force
            self.arguments = arguments
            self.machineExtras = machineExtras
        }
    }

    public let experiment: Experiment
    public let store: Store
    public let options: Options
    let reporter: ProgressReporter
    let cancellation: Cancellation

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

    /// Runs what is needed, each stage after those that it refers to.
    ///
    /// - Throws: `StageFailure` when a stage fails, `RunInterrupted` when it was asked to stop, `StoreError`,
    ///   `FileError`, `UnknownStageError`, what `machineExtras` throws. Whatever was finished before is in the store.
    public func run() throws -> RunOutcome {
        let stages = try selectedStages()
        let forced = Set(try options.force.flatMap { try variants(of: $0) }.map(\.id))
        let started = Timestamp.now()
        let clock = ContinuousClock.now
        let ticker = reporter.startTicking()
        defer { ticker.cancel() }
        var maker = ArtifactMaker(runner: self, started: started)
        var outcomes: [StageOutcome] = []
        var artifacts: [String: Artifact] = [:]
        func record(_ error: (any Error)?) -> RunRecord {
            self.record(
                stages, outcomes: outcomes, error: error, code: maker.code, machine: maker.machine,
                started: started, seconds: clock.duration(to: .now).inSeconds)
        }
        do {
            for (index, stage) in stages.enumerated() {
                let label = "[\(index + 1)/\(stages.count)] \(stage.id)"
                let outcome = try maker.outcome(
                    of: stage, label: label, artifacts: artifacts, isForced: forced.contains(stage.id))
                artifacts[stage.id] = outcome.artifact
                outcomes.append(outcome)
            }
        } catch {
            reporter.abandon()
            // A record of what went wrong is worth having, but must not hide what went wrong.
            try? maker.folder?.finish(record(error))
            throw error
        }
        let reports = try reports(of: outcomes)
        guard let folder = maker.folder else {
            reporter.log(
                "Everything is cached: \(outcomes.count == 1 ? "1 stage" : "all \(outcomes.count) stages").")
            return RunOutcome(stages: outcomes, record: nil, reports: reports)
        }
        try folder.finish(record(nil))
        let made = outcomes.count { !$0.wasCached }
        reporter.log(
            "Done in \(Readable.duration(clock.duration(to: .now).inSeconds)): \(made) made, \(outcomes.count - made) cached. Record: \(folder.path)"
        )
        return RunOutcome(stages: outcomes, record: folder.path, reports: reports)
    }

    private func selectedStages() throws(UnknownStageError) -> [Stage] {
        guard !options.only.isEmpty else { return experiment.stages }
        var wanted: Set<String> = []
        for name in options.only {
            _ = try variants(of: name)
            wanted.formUnion(experiment.closure(of: name).map(\.id))
        }
        return experiment.stages.filter { wanted.contains($0.id) }
    }

    private func variants(of name: String) throws(UnknownStageError) -> [Stage] {
        let found = experiment.stages.filter { $0.name == name || $0.id == name }
        guard !found.isEmpty else { throw UnknownStageError(name: name, experiment: experiment) }
        return found
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

/// How one stage went.
public struct StageOutcome: Sendable {
    /// The stage's full name.
    public let stage: String
    public let artifact: Artifact
    /// Whether the artifact was there before.
    public let wasCached: Bool
    /// What it took in this run.
    public let seconds: Double
}

/// How a whole run went.
public struct RunOutcome: Sendable {
    public let stages: [StageOutcome]
    /// The folder of the run's record; nil when nothing had to be made.
    public let record: FilePath?
    /// The texts that stages want printed, in order.
    public let reports: [Report]

    /// A text of an artifact that is printed when a run ends.
    public struct Report: Sendable, Hashable {
        /// The file in the store that holds it.
        public let path: FilePath
        public let text: String
    }
}
