package import ArtifactStore
import Files
package import Recipes
package import Runs
import SystemPackage

/// Checks a run: that its artifacts are what their records say, and that what can be computed again comes out the same.
///
/// Nothing is written to the store; what is made again lies in a scratch folder outside it.
package struct Verifier: Sendable {
    /// What to check beyond what is always checked.
    package struct Options: Sendable {
        /// How many random samples to compute again.
        package var samples: Int
        /// What they are drawn with.
        package var seed: UInt64
        /// Threads for what is computed again.
        package var threads: Int
        /// The configuration of the run where its record has none; its stages count only where their fingerprints
        /// are those of the run.
        package var experiment: Experiment?
        /// What stages that are checked may do beyond computing.
        package var permissions: Permissions = .none

        package init(
            samples: Int = 0, seed: UInt64 = UInt64(UInt32.random(in: 0 ... .max)),
            threads: Int = Machine.current.cores, experiment: Experiment? = nil
        ) {
            self.samples = samples
            self.seed = seed
            self.threads = threads
            self.experiment = experiment
        }
    }

    let run: RunLocation
    let registry: StageRegistry
    let options: Options
    let reporter: ProgressReporter
    let cancellation: Cancellation

    /// - Parameters:
    ///   - registry: The kinds that the run's stages have.
    ///   - reporter: Is told what takes long.
    package init(
        _ run: RunLocation, registry: StageRegistry, options: Options = Options(),
        reporter: ProgressReporter = .silent, cancellation: Cancellation = .never
    ) {
        self.run = run
        self.registry = registry
        self.options = options
        self.reporter = reporter
        self.cancellation = cancellation
    }

    /// Makes all checks; one that fails doesn't stop the others.
    ///
    /// - Throws: `FileError` when a file of the store can't be looked at; `Interrupted`.
    package func verify() throws -> Verification {
        var checks: [Verification.Check] = []
        let configuration = RunConfiguration(run, registry: registry, given: options.experiment)
        checks += recordChecks(configuration)
        let artifacts = try ArtifactCollection(run.record, in: run.store, cancellation: cancellation)
        checks += artifacts.items.map { item in
            let problems =
                item.finding.problems + artifacts.inputProblems(of: item) + configuration.problems(of: item)
            let outcome: Verification.Outcome =
                problems.isEmpty ? Self.outcome(of: item.finding) : .broken(problems)
            return Verification.Check(step: .artifacts, subject: item.name, outcome: outcome)
        }
        let imported = ImportedArtifacts(artifacts.items.compactMap(\.finding.record)).sentence("artifacts")
        guard configuration.problem == nil else {
            // Said once for all stages, by the check of the configuration.
            return Verification(run: run.address, checks: checks, sampling: nil, imported: imported)
        }
        let bench = VerificationBench(
            artifacts: artifacts, configuration: configuration, threads: options.threads,
            scratch: try ScratchSpace(), cancellation: cancellation, permissions: options.permissions)
        checks += try resultChecks(bench)
        checks += try rerunChecks(bench)
        var sampling: Verification.Sampling?
        if options.samples > 0 {
            let drawn = SampleDraw(bench, count: options.samples, seed: options.seed)
            sampling = Verification.Sampling(
                seed: options.seed, drawn: drawn.chosen.reduce(0) { $0 + $1.samples.count },
                total: drawn.total)
            checks += try sampleChecks(drawn, bench)
        }
        return Verification(run: run.address, checks: checks, sampling: sampling, imported: imported)
    }

    private func recordChecks(_ configuration: RunConfiguration) -> [Verification.Check] {
        let record = run.record
        let made = record.stages.count { $0.status == .made || $0.status == .cached }
        let status: Verification.Outcome =
            record.status == .finished
            ? .holds("finished \(record.finished), \(Readable.stages(record.stages.count))")
            : .broken([
                "The run \(record.status == .failed ? "failed" : "was interrupted"): only \(made) of \(Readable.stages(record.stages.count)) have an artifact, and only these are checked."
            ])
        return [
            .init(step: .record, subject: RunRecord.fileName, outcome: status),
            .init(step: .record, subject: configuration.name, outcome: configuration.outcome),
        ]
    }

    private static func outcome(of finding: ArtifactInspector.Finding) -> Verification.Outcome {
        let files = finding.record?.files ?? []
        guard !finding.leftOut.isEmpty else { return .holds(size(files)) }
        let missing = finding.leftOut.map { "\($0.path) (\(Readable.size($0.size)))" }
        return .leftOut(
            "\(size(files.filter { !finding.leftOut.contains($0) })); left out: \(missing.joined(separator: ", "))"
        )
    }

    private static func size(_ files: [ArtifactRecord.File]) -> String {
        "\(files.count == 1 ? "1 file" : "\(files.count) files"), \(Readable.size(files.reduce(0) { $0 + $1.size }))"
    }
}

extension Readable {
    /// "1 stage", "28 stages".
    static func stages(_ count: Int) -> String { count == 1 ? "1 stage" : "\(Self.count(count)) stages" }
}
