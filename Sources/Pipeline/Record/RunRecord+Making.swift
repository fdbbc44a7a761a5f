import Files
import JSON
import SystemPackage

extension Runner {
    /// The record of a run that ends.
    ///
    /// - Parameters:
    ///   - stages: All that were to be there at the end, in running order.
    ///   - outcomes: Of those that are there.
    ///   - error: What ended it before all were there.
    func record(
        _ stages: [Stage], outcomes: [StageOutcome], error: (any Error)?, code: JSONValue, machine: JSONValue,
        started: Timestamp, seconds: Double
    ) -> RunRecord {
        let paths = MachinePaths(store: store.root)
        let done = Dictionary(outcomes.map { ($0.stage, $0) }, uniquingKeysWith: { first, _ in first })
        let (failed, kept) = Self.place(of: error)
        let entries = stages.map { stage -> RunRecord.Entry in
            let outcome = done[stage.id]
            let isMade = outcome.map { !$0.wasCached } ?? false
            let hasFailed = outcome == nil && stage.id == failed && !(error is RunInterrupted)
            return RunRecord.Entry(
                stage: stage.id,
                artifact: relative(outcome?.artifact.folder ?? store.folder(of: stage, in: experiment)),
                fingerprint: stage.fingerprint,
                status: outcome.map { $0.wasCached ? .cached : .made } ?? (hasFailed ? .failed : .skipped),
                seconds: outcome?.seconds ?? 0,
                peakMemory: isMade ? outcome?.artifact.record.peakMemory : nil,
                threads: isMade ? options.threads : nil, forecast: stage.implementation.forecast(),
                message: outcome == nil && stage.id == failed ? kept.map(paths.hidden) : nil)
        }
        return RunRecord(
            format: RunRecord.format, experiment: experiment.name,
            status: error == nil ? .finished : error is RunInterrupted ? .interrupted : .failed,
            message: error.map { paths.hidden(in: "\($0)") }, stages: entries, started: started.text,
            finished: Timestamp.now().text, seconds: seconds, arguments: arguments(paths),
            config: experiment.source.map { source in
                RunRecord.Config(
                    file: paths.hidden(in: source.file), overrides: source.overrides.map(paths.hidden))
            },
            code: code, machine: machine,
            environment: RunEnvironment.current().mapValues(paths.hidden))
    }

    private static func place(of error: (any Error)?) -> (stage: String?, message: String?) {
        switch error {
        case let failure as StageFailure: (failure.stage, failure.description)
        case let interruption as RunInterrupted: (interruption.stage, interruption.description)
        default: (nil, nil)
        }
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
