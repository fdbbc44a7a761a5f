package import ArtifactStore
import Files
package import JSON
package import Recipes
package import Runs
package import SystemPackage

/// Makes stages several times outside the store and compares what comes out.
package struct DeterminismTest: Sendable {
    /// What to make, and how.
    package struct Options: Sendable {
        /// The stage, or one variant; nil for the first stage of each kind.
        package var stage: String?
        /// Threads of the third run; the other two have one.
        package var threads: Int
        /// What the caller knows of the machine, for the records.
        package var machineExtras: @Sendable () throws -> JSONObject
        /// The largest difference of the numbers in two files of a form that only the caller can read.
        package var compare: @Sendable (FilePath, FilePath) -> Double?

        package init(
            stage: String? = nil, threads: Int = max(2, Machine.current.cores),
            machineExtras: @escaping @Sendable () throws -> JSONObject = { [:] },
            compare: @escaping @Sendable (FilePath, FilePath) -> Double? = { _, _ in nil }
        ) {
            self.stage = stage
            self.threads = threads
            self.machineExtras = machineExtras
            self.compare = compare
        }
    }

    let experiment: Experiment
    let store: Store
    let options: Options
    let reporter: ProgressReporter
    let cancellation: Cancellation

    package init(
        _ experiment: Experiment, store: Store, options: Options = Options(),
        reporter: ProgressReporter = .silent, cancellation: Cancellation = .never
    ) {
        self.experiment = experiment
        self.store = store
        self.options = options
        self.reporter = reporter
        self.cancellation = cancellation
    }

    /// Makes each chosen stage twice with one thread and once with many, and writes what was measured to
    /// `<store>/<experiment>/determinism/`.
    ///
    /// - Throws: `UnknownStageError`; `MissingInputError` before anything is made; what the stages throw; `Interrupted`;
    ///   `FileError`, `StoreError`.
    package func measure() throws -> [DeterminismReport] {
        let chosen = try chosenStages().map { (stage: $0, inputs: try inputs(of: $0)) }
        let machine = Machine.current.value(threads: options.threads, extras: try options.machineExtras())
        let code = CodeIdentity.current().value
        return try chosen.map { stage, inputs in
            let report = try measure(stage, inputs)
            var record: JSONObject = ["format": 1, "experiment": .string(experiment.name)]
            for member in report.json.object?.members ?? [] { record[member.key] = member.value }
            record["measuredAt"] = .string(Timestamp.now().text)
            record["code"] = code
            record["machine"] = machine
            let bytes = try JSONValue.object(record).prettyBytes()
            try store.makeFolder(report.record.removingLastComponent())
                .writeAtomically(bytes, to: FilePath(report.record.lastComponent?.string ?? ""))
            return report
        }
    }

    private func chosenStages() throws(UnknownStageError) -> [Stage] {
        guard let name = options.stage else {
            var kinds: Set<String> = []
            return experiment.stages.filter { kinds.insert($0.recipe.kind).inserted }
        }
        guard let stage = experiment.stages.first(where: { $0.id == name || $0.name == name }) else {
            throw UnknownStageError(name: name, experiment: experiment)
        }
        return [stage]
    }

    private func inputs(of stage: Stage) throws -> [String: Artifact] {
        var found: [String: Artifact] = [:]
        for reference in stage.inputs.flatMap(\.references) where found[reference.stage] == nil {
            guard let other = experiment[reference.stage],
                case .whole(let artifact) = try store.find(other, in: experiment)
            else { throw MissingInputError(reference, of: stage) }
            found[reference.stage] = artifact
        }
        return found
    }

    private func measure(_ stage: Stage, _ inputs: [String: Artifact]) throws -> DeterminismReport {
        let scratch = try ScratchSpace()
        let trials = try [1, 1, options.threads].enumerated().map { index, threads in
            reporter.log(
                "\(stage.id): time \(index + 1) of 3, with \(threads == 1 ? "1 thread" : "\(threads) threads")"
            )
            return try DeterminismTrial(
                stage, inputs, threads: threads, in: scratch.path.appending("\(index)"), cancellation)
        }
        let atOnce = trials[0].differences(from: trials[1])
        let differing = atOnce.union(trials[0].differences(from: trials[2]))
        let differences = differing.sorted().map { file in
            let other = atOnce.contains(file) ? trials[1] : trials[2]
            return DeterminismReport.Difference(
                file: file, differsAtOnce: atOnce.contains(file),
                largest: trials[0].largestDifference(file, from: other, options.compare))
        }
        var sameAsStored: Bool?
        if case .whole(let artifact) = try store.find(stage, in: experiment) {
            sameAsStored = trials[0].isSame(as: artifact.record)
        }
        return DeterminismReport(
            stage: stage.id, kind: stage.recipe.kind, fingerprint: stage.fingerprint,
            measured: differing.isEmpty ? .bitwise : atOnce.isEmpty ? .bitwiseForThreads : .statistical,
            runs: trials.map { .init(threads: $0.threads, seconds: $0.seconds) },
            files: trials[0].hashes.count, differences: differences, sameAsStored: sameAsStored,
            record: store.experimentFolder(experiment.name).appending("determinism")
                .appending("\(stage.folderName).json"))
    }
}
