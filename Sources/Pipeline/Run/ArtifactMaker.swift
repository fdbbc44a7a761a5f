import Files
import JSON
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Finds the artifacts of a run in the store, and makes those that aren't there.
struct ArtifactMaker {
    let runner: Runner
    let started: Timestamp
    /// Whether anything had to be made.
    ///
    /// Until then nothing is written, so that a store that is complete may be read-only.
    var hasStarted: Bool { folder != nil }
    private(set) var folder: RunFolder?
    private(set) var code: JSONValue = .null
    private(set) var machine: JSONValue = .null

    init(runner: Runner, started: Timestamp) {
        self.runner = runner
        self.started = started
    }

    private var store: Store { runner.store }
    private var reporter: ProgressReporter { runner.reporter }

    /// The artifact of a stage, found or made.
    mutating func outcome(
        of stage: Stage, label: String, artifacts: [String: Artifact], isForced: Bool
    ) throws -> StageOutcome {
        if !isForced, case .whole(let artifact) = try store.find(stage, in: runner.experiment) {
            return StageOutcome(stage: stage.id, artifact: artifact, wasCached: true, seconds: 0)
        }
        guard !runner.cancellation.isCancelled else {
            throw RunInterrupted(
                stage: stage.id, kept: "It has not begun; run the same command again to go on.")
        }
        try start()
        let lock = try acquireLock(stage, label)
        defer { lock.release() }
        // Another process may have made it while this one waited.
        switch try store.find(stage, in: runner.experiment) {
        case .whole(let artifact) where !isForced:
            reporter.log("\(label): made by another process")
            return StageOutcome(stage: stage.id, artifact: artifact, wasCached: true, seconds: 0)
        case .whole: break
        case .damaged(let reason):
            let place = try store.setAside(store.folder(of: stage, in: runner.experiment))
            reporter.warn(
                "\(store.folder(of: stage, in: runner.experiment)) is no whole artifact (\(reason)); moved to \(place) and made again."
            )
        case .absent: break
        }
        if isForced { try FileSystem.remove(store.workFolder(stage.fingerprint)) }
        return try make(stage, label: label, artifacts: artifacts)
    }

    /// What is done once before the first stage that has to be made.
    private mutating func start() throws {
        guard !hasStarted else { return }
        let extras = try runner.options.machineExtras()
        folder = try RunFolder(runner.experiment, in: store, started: started)
        store.sweepTemporaryFolders()
        code = CodeIdentity.current().value
        machine = Machine.current.value(threads: runner.options.threads, extras: extras)
    }

    private func acquireLock(_ stage: Stage, _ label: String) throws -> ArtifactLock {
        var hasSaidSo = false
        while true {
            if let lock = try ArtifactLock.attempt(store, stage.fingerprint) { return lock }
            if !hasSaidSo {
                hasSaidSo = true
                reporter.log(
                    "\(label): waiting for \(ArtifactLock.holder(store, stage.fingerprint)), which makes it")
            }
            guard !runner.cancellation.isCancelled else {
                throw RunInterrupted(stage: stage.id, kept: "Another process is making it.")
            }
            usleep(100_000)
        }
    }

    private func make(_ stage: Stage, label: String, artifacts: [String: Artifact]) throws -> StageOutcome {
        let work = store.workFolder(stage.fingerprint)
        let isResumed = try FileSystem.exists(work) && !FileSystem.list(work).isEmpty
        let output = try store.makeTemporaryFolder(for: stage.fingerprint)
        do {
            try FileSystem.createDirectory(work)
            let context = StageContext(
                stage: stage, output: output, workFolder: work, threads: runner.options.threads,
                artifacts: artifacts, cancellation: runner.cancellation, reporter: reporter)
            reporter.begin(label)
            if isResumed { reporter.log("\(label): going on from \(work)") }
            PeakMemory.reset()
            let started = Timestamp.now()
            let clock = ContinuousClock.now
            let result = try perform(stage, context)
            let seconds = clock.duration(to: .now).inSeconds
            try context.publishJournals()
            try check(result, stage, output)
            let record = ArtifactRecord(
                experiment: runner.experiment.name, stage: stage.id,
                type: type(of: stage.implementation).output.name, fingerprint: stage.fingerprint,
                recipe: stage.recipe.value, inputs: inputs(of: stage, artifacts),
                files: try store.seal(output),
                summary: result.summary, metrics: result.metrics, report: result.report?.string,
                started: started.text, finished: Timestamp.now().text, seconds: seconds, isResumed: isResumed,
                peakMemory: PeakMemory.bytes(), code: code, machine: machine)
            let folder = store.folder(of: stage, in: runner.experiment)
            try store.publish(output, record: record, at: folder)
            store.noteLocation(of: stage.fingerprint, folder)
            // The artifact is whole; work that can't be removed now only takes space.
            try? FileSystem.remove(work)
            reporter.end(
                "\(Readable.duration(seconds))\(result.summary.isEmpty ? "" : ", \(result.summary)")")
            return StageOutcome(
                stage: stage.id, artifact: Artifact(folder: folder, record: record), wasCached: false,
                seconds: seconds)
        } catch {
            try? FileSystem.remove(output)
            try? removeIfEmpty(work)
            throw error
        }
    }

    /// Runs the implementation and says, when it stops, what is kept.
    private func perform(_ stage: Stage, _ context: StageContext) throws -> StageResult {
        do {
            let result = try stage.implementation.run(context)
            // A loss that went to infinity is found here, where it can be said whose it is.
            _ = try result.metrics.canonicalBytes()
            return result
        } catch {
            let files = (try? FileSystem.list(context.workFolder)) ?? []
            let kept: String
            if context.recordCount > 0 {
                kept =
                    "\(Readable.count(context.recordCount)) records are kept in \(context.workFolder); run the same command again to go on from there."
            } else if files.isEmpty {
                kept =
                    "Nothing of it is kept; finished stages are, and running the same command again goes on from them."
            } else {
                kept =
                    "Its work so far is kept in \(context.workFolder); run the same command again to go on from there."
            }
            if error is Interrupted { throw RunInterrupted(stage: stage.id, kept: kept) }
            throw StageFailure(stage: stage.id, underlying: error, kept: kept)
        }
    }

    private func check(_ result: StageResult, _ stage: Stage, _ output: FilePath) throws {
        // The record has the name of the marker file; a stage must not forge it.
        precondition(
            !FileSystem.exists(output.appending(ArtifactRecord.fileName)),
            "the kind of stage \(stage.id) writes a file named \(ArtifactRecord.fileName)")
        if let report = result.report, try FileSystem.status(output.pushing(report)) == nil {
            preconditionFailure(
                "the kind of stage \(stage.id) names a report that it didn't write: \(report)")
        }
    }

    private func inputs(of stage: Stage, _ artifacts: [String: Artifact]) -> JSONValue {
        .object(
            JSONObject(
                stage.inputs.map { input in
                    let references: [JSONValue] = input.references.map { reference in
                        let artifact = artifacts[reference.stage]
                        return [
                            "reference": .string(reference.description),
                            "artifact": .text(artifact?.folder.lastComponent?.string),
                            "content": .text(artifact?.record.content),
                        ]
                    }
                    return (input.path, .array(references))
                }))
    }

    private func removeIfEmpty(_ folder: FilePath) throws {
        if try FileSystem.list(folder).isEmpty { try FileSystem.remove(folder) }
    }
}
