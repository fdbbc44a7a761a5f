import ArtifactStore
import Files
import JSON
import Recipes
import SystemPackage

/// How a stage ended that was begun.
enum StageEnding: Sendable {
    case made(StageOutcome)
    /// It was asked to stop, and did so at a safe point.
    case stopped(RunInterrupted.Stop)
    case failed(StageFailure)
    /// The lock on its artifact was lost, and another process may make it.
    case lost(LeaseLost)
}

/// Makes the artifact of one stage, on a thread of its own; the caller holds the artifact's lock.
struct ArtifactMaker: Sendable {
    let runner: Runner
    let session: RunSession
    package let stage: Stage
    /// The stage in the log: `[3/28] student`.
    let label: String
    /// Its line there; it ends with the stage.
    package let line: RunningStage.ID
    package let threads: ThreadShare
    /// By full name, those that the stage reads.
    package let artifacts: [String: Artifact]
    /// Whether it is made although it is in the store.
    let isForced: Bool
    package let cancellation: Cancellation
    /// Held by the caller.
    package let lock: ArtifactLock

    private var store: Store { runner.store }

    /// Runs the stage and puts its artifact in its place.
    package func make() -> StageEnding {
        do {
            let outcome = try makeArtifact()
            let summary = outcome.artifact.record.summary
            runner.reporter.end(
                line, "\(Readable.duration(outcome.seconds))\(summary.isEmpty ? "" : ", \(summary)")")
            return .made(outcome)
        } catch let lost as LeaseLost {
            runner.reporter.end(line)
            return .lost(lost)
        } catch  where lock.isLost {
            // Whatever went wrong: files may have gone because another process has taken over.
            runner.reporter.end(line)
            return .lost(LeaseLost(seconds: Lease.standardExpiry / 2))
        } catch let stop as RunInterrupted {
            runner.reporter.end(line)
            return .stopped(RunInterrupted.Stop(stage: stage.id, kept: stop.kept))
        } catch let failure as StageFailure {
            runner.reporter.end(line)
            return .failed(failure)
        } catch {
            runner.reporter.end(line)
            return .failed(StageFailure(stage: stage.id, underlying: error, kept: kept(records: 0)))
        }
    }

    private func makeArtifact() throws -> StageOutcome {
        // What follows removes what earlier holders of the lock left, which must not be what a later one is making.
        try lock.confirm()
        if isForced { try store.removeWork(stage.fingerprint) }
        let (work, setAside) = try store.makeWork(stage.fingerprint)
        if let setAside {
            runner.reporter.warn(
                "\(label): \(work) held links, pipes or devices, which no stage makes there; moved to \(setAside), and begun anew."
            )
        }
        let isResumed = try FileSystem.exists(work) && !FileSystem.list(work).isEmpty
        let output = try store.makeTemporaryFolder(for: stage.fingerprint)
        do {
            let context = StageContext(
                stage: stage, output: output, workFolder: work, threads: threads, artifacts: artifacts,
                cancellation: cancellation, reporter: runner.reporter, line: line,
                permissions: runner.options.permissions, ranks: runner.options.ranks)
            if isResumed { runner.reporter.log("\(label): going on from \(work)") }
            let started = Timestamp.now()
            let clock = ContinuousClock.now
            let measurement = session.peakMemory.begin()
            let ended = Result { try perform(context) }
            let memory = session.peakMemory.end(measurement)
            let result = try ended.get()
            let seconds = clock.duration(to: .now).inSeconds
            try context.publishJournals()
            try check(result, output)
            try checkInputs()
            let external = context.adoptedFiles
            var record = ArtifactRecord(
                experiment: runner.experiment.name, stage: stage.id,
                type: type(of: stage.implementation).output.name, fingerprint: stage.fingerprint,
                recipe: stage.recipe.value, inputs: inputs,
                files: try store.seal(output, references: Set(external.filter(\.isReference).map(\.path))),
                summary: result.summary, metrics: result.metrics, report: result.report?.string,
                started: started.text, finished: Timestamp.now().text, seconds: seconds, isResumed: isResumed,
                peakMemory: memory.peak, stagesAtOnce: memory.stagesAtOnce, code: session.code,
                machine: session.machine(threads: threads.mean))
            record.external = external
            let folder = store.folder(of: stage, in: runner.experiment)
            try lock.confirm()
            try store.publish(output, record: record, at: folder)
            store.noteLocation(of: stage.fingerprint, folder)
            // The artifact is whole; work that can't be removed now only takes space.
            try? store.removeWork(stage.fingerprint)
            let artifact = Artifact(folder: folder, record: record)
            // Last, because a journal's file changes with its other name.
            store.noteFacts(of: artifact)
            return StageOutcome(
                stage: stage.id, artifact: artifact, wasCached: false, seconds: seconds,
                threads: record.machine["threads"]?.int)
        } catch {
            try? store.remove(output)
            if !lock.isLost, (try? FileSystem.list(work))?.isEmpty == true {
                try? store.removeWork(stage.fingerprint)
            }
            throw error
        }
    }

    /// Runs the implementation and says, when it stops, what is kept.
    private func perform(_ context: StageContext) throws -> StageResult {
        do {
            let result = try stage.runnable().run(context)
            // A loss that went to infinity is found here, where it can be said whose it is.
            _ = try result.metrics.canonicalBytes()
            return result
        } catch is Interrupted {
            throw RunInterrupted(stops: [.init(stage: stage.id, kept: kept(records: context.recordCount))])
        } catch {
            throw StageFailure(stage: stage.id, underlying: error, kept: kept(records: context.recordCount))
        }
    }

    private func kept(records: Int) -> String {
        if isForced {
            return
                "It was to be made again, which begins from nothing each time; what was there before is still in its place."
        }
        let work = store.workFolder(stage.fingerprint)
        let files = (try? FileSystem.list(work)) ?? []
        if records > 0 {
            return
                "\(Readable.count(records)) records are kept in \(work); run the same command again to go on from there."
        }
        return files.isEmpty
            ? "Nothing of it is kept; finished stages are, and running the same command again goes on from them."
            : "Its work so far is kept in \(work); run the same command again to go on from there."
    }

    private func check(_ result: StageResult, _ output: FilePath) throws {
        // The record has the name of the marker file. A stage that takes files over takes their names over too.
        if try FileSystem.status(output.appending(ArtifactRecord.fileName), followingLinks: false) != nil {
            let error = StoreError(
                description:
                    "Something among its files is called \(ArtifactRecord.fileName), as the record of an artifact is, so that they can't be kept in a store. Take it out of what the stage reads, or give it another name."
            )
            throw StageFailure(stage: stage.id, underlying: error, kept: kept(records: 0))
        }
        if let report = result.report, !FileSystem.exists(output.pushing(report)) {
            preconditionFailure(
                "the kind of stage \(stage.id) names a report that it didn't write: \(report)")
        }
    }

    /// What is recorded as an input is what was read: files that were changed meanwhile are an error.
    private func checkInputs() throws {
        for (name, artifact) in artifacts.sorted(by: { $0.key < $1.key }) {
            guard let change = try store.change(in: artifact, cancellation: cancellation) else { continue }
            let error = StoreError(
                description:
                    "The input \(name), \(artifact.folder), was changed while the stage ran: \(change). Run the same command again, which makes the input again."
            )
            throw StageFailure(stage: stage.id, underlying: error, kept: kept(records: 0))
        }
    }

    private var inputs: JSONValue {
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
}
