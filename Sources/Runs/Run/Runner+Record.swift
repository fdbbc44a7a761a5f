package import ArtifactStore
import Files
import JSON
import Recipes
import SystemPackage

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
                    file: paths.hidden(in: source.file), overrides: source.overrides.map(paths.hidden))
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
