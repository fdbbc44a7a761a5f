package import ArtifactStore
internal import Base
internal import Files
package import JSON
package import Recipes
package import Runs
package import SystemPackage

/// A run as it is now, seen from outside: read from what its process leaves, which is never waited for nor kept waiting.
///
/// What can't be read at this moment is left out; the next look finds it.
package struct LiveRun: Sendable {
    /// How far a stage is.
    package enum State: String, Sendable {
        /// Its artifact is there.
        case done
        case running
        /// Another process makes it, or it has no thread yet.
        case waiting
        case open
        case failed
    }

    /// One stage.
    package struct Stage: Sendable {
        package let name: String
        package let kind: String
        package let fingerprint: String
        package let state: State
        /// What its artifact says of itself, or why it failed.
        package let summary: String?
        /// What its process says of it while it runs.
        package let progress: RunProgress.Stage?
        /// The folder of its artifact, where there is one.
        package let artifact: FilePath?
    }

    package let folder: FilePath
    package let experiment: String
    package let stages: [Stage]
    /// What the run's process said last; nil before it has said anything, and when it has ended.
    package let progress: RunProgress?
    /// How the run ended; nil while it goes on, or where it was killed.
    package let record: RunRecord?
    private let store: Store

    /// So many seconds without a word are too many.
    private static let silence = 120

    /// The run's address in its store.
    package var address: String { "\(experiment)/runs/\(folder.lastComponent?.string ?? "")" }

    /// Whether it has been silent for so long that it was killed, most likely: its process tells every second or so.
    ///
    /// - Parameter now: Seconds since 1970.
    package func isSilent(now: Int) -> Bool {
        guard record == nil else { return false }
        let path = folder.appending(progress == nil ? RunRecord.logFileName : RunProgress.fileName)
        guard let modified = try? FileSystem.facts(path).modified,
            let seconds = modified.byteText.split(".").first.flatMap({ Int($0.text) })
        else { return true }
        return now - seconds > Self.silence
    }

    /// Looks at a run.
    ///
    /// - Parameters:
    ///   - folder: The run's folder, with or without a record.
    ///   - configured: What the run's own configuration says, see ``experiment(of:registry:)``; nil where it says nothing yet.
    ///   - previous: How the run was at an earlier look: artifacts that were there needn't be looked for again.
    package init(
        _ folder: FilePath, experiment name: String, in store: Store, configured: Experiment?,
        previous: LiveRun? = nil
    ) {
        (self.folder, self.store, experiment) = (folder, store, name)
        record = try? RunRecord.read(folder)
        progress = record == nil ? RunProgress(of: folder) : nil
        if let record {
            stages = record.stages.map { Self.stage($0, store) }
            return
        }
        let running = Dictionary(
            (progress?.stages ?? []).map { ($0.fingerprint, $0) }, uniquingKeysWith: { first, _ in first })
        let known = Dictionary(
            (previous?.stages ?? []).filter { $0.state == .done }.map { ($0.fingerprint, $0) },
            uniquingKeysWith: { first, _ in first })
        stages = (configured?.stages ?? []).map { stage in
            if let known = known[stage.fingerprint] { return known }
            let now = running[stage.fingerprint]
            let folder = now == nil ? store.notedLocation(of: stage.fingerprint) : nil
            let found = folder.flatMap { Self.artifact(in: $0) }
            let record = found?.fingerprint == stage.fingerprint ? found : nil
            let state: State =
                record != nil ? .done : now == nil ? .open : now?.waiting != nil ? .waiting : .running
            return Stage(
                name: stage.id, kind: stage.recipe.kind, fingerprint: stage.fingerprint, state: state,
                summary: record?.summary, progress: now, artifact: record == nil ? nil : folder)
        }
    }

    /// The experiment that a run's folder has the configuration of; nil where there is none that can be read.
    package static func experiment(of folder: FilePath, registry: StageRegistry) -> Experiment? {
        try? Configuration(folder.appending(RunRecord.experimentFileName), registry: registry).experiment()
    }

    private static func stage(_ entry: RunRecord.Entry, _ store: Store) -> Stage {
        let isThere = entry.status == .made || entry.status == .cached
        let artifact = isThere ? (try? store.artifact(of: entry)) ?? nil : nil
        let state: State =
            switch entry.status {
            case .made, .cached: .done
            case .failed: .failed
            case .skipped: .open
            }
        return Stage(
            name: entry.stage, kind: artifact?.record.recipe["kind"]?.string ?? "",
            fingerprint: entry.fingerprint, state: state,
            summary: artifact?.record.summary ?? entry.message, progress: nil, artifact: artifact?.folder)
    }

    private static func artifact(in folder: FilePath) -> ArtifactRecord? {
        guard let bytes = try? FileSystem.read(folder.appending(ArtifactRecord.fileName)) else { return nil }
        return try? ArtifactRecord(parsing: bytes)
    }
}

extension LiveRun {
    /// The newest run of a store that has no record yet, or else the newest of all; of one experiment where it is named.
    ///
    /// - Parameter text: The name of an experiment, a run's folder, or that folder's name alone; nil for any.
    /// - Returns: The folder, and the experiment's name.
    /// - Throws: `UnknownRunError`; what `RunLocation.find` throws.
    package static func find(_ text: String?, in store: Store) throws -> (
        folder: FilePath, experiment: String
    ) {
        let all = store.experimentsWithRuns()
        let named = text.map { text in all.filter { $0.byteText == text.byteText } } ?? all
        let runs = named.flatMap { experiment in
            store.runNames(of: experiment).map {
                (key: ($0.time, $0.count), name: $0.name, experiment: experiment)
            }
        }.sorted { $0.key < $1.key }
        func place(_ run: (key: (String, Int), name: String, experiment: String)) -> (FilePath, String) {
            (store.runsFolder(run.experiment).appending(run.name), run.experiment)
        }
        let going = runs.last { !FileSystem.exists(place($0).0.appending(RunRecord.fileName)) }
        if let run = going ?? runs.last { return place(run) }
        guard let text else { throw UnknownRunError(store) }
        // A run by its folder, ended or not.
        for experiment in all {
            for name in store.runNames(of: experiment).map(\.name) {
                let folder = store.runsFolder(experiment).appending(name)
                let names = [name, "\(experiment)/runs/\(name)", folder.string]
                if names.contains(where: { $0.byteText == text.byteText }) { return (folder, experiment) }
            }
        }
        let run = try RunLocation.find(text, in: store)
        return (run.folder, run.record.experiment)
    }
}

extension LiveRun {
    /// One line of a training's log: means over a stretch of steps.
    package struct TrainingPoint: Sendable, Hashable {
        package let phase: String
        /// Counted from 1 in each phase.
        package let step: Int
        package let loss: Double
        package let gradientNorm: Double?
        package let rateFactor: Double?
    }

    /// A sample as its journal has it.
    package struct Sample: Sendable, Hashable {
        package let key: String
        package let isCorrect: Bool?
        package let text: String?
    }

    /// The name of a training's log in its stage's work folder.
    private static let liveLog = "training-live.jsonl"

    /// The log of a stage that trains, as far as it is: of its work folder while it runs, else of its artifact.
    package func training(of stage: Stage) -> [TrainingPoint] {
        let live = store.workFolder(stage.fingerprint).appending(Self.liveLog)
        let path = stage.artifact?.appending("training.jsonl") ?? (FileSystem.exists(live) ? live : nil)
        return path.map { Self.lines($0, last: 4 << 20).compactMap(Self.point) } ?? []
    }

    /// The last samples that a stage has put into its journal; while it runs that is in its work folder.
    package func samples(of stage: Stage, last count: Int) -> [Sample] {
        if let artifact = stage.artifact {
            let lines = Self.lines(artifact.appending("samples.jsonl"), last: 4 << 20)
            return lines.compactMap(Self.sample).suffix(count)
        }
        let folder = store.workFolder(stage.fingerprint)
        let names = ((try? FileSystem.list(folder)) ?? []).filter {
            $0.byteText.hasSuffix(".jsonl") && $0 != Self.liveLog
        }
        let lines = names.flatMap { Self.lines(folder.appending($0), last: 256 << 10) }
        return lines.compactMap(Self.sample).suffix(count)
    }

    private static func point(_ root: JSONNode) -> TrainingPoint? {
        guard let phase = root["phase"]?.string, let step = root["step"]?.int,
            let loss = root["loss"]?.double, loss.isFinite
        else { return nil }
        return TrainingPoint(
            phase: phase, step: step, loss: loss, gradientNorm: root["gradientNorm"]?.double,
            rateFactor: root["learningRateFactor"]?.double)
    }

    private static func sample(_ root: JSONNode) -> Sample? {
        guard let key = root["key"]?.string ?? root["key"]?.int.map(String.init),
            let value = root["value"], value.members != nil
        else { return nil }
        return Sample(key: key, isCorrect: value["correct"]?.bool, text: value["text"]?.string)
    }

    /// The whole lines at the end of a plain file that are JSON; none where there is no such file.
    ///
    /// - Parameter bytes: So much of it is read.
    private static func lines(_ path: FilePath, last bytes: Int) -> [JSONNode] {
        guard let status = (try? FileSystem.status(path, followingLinks: false)) ?? nil,
            status.kind == .file,
            let file = try? FileDescriptor.open(
                path, .readOnly, options: [.nonBlocking, .noFollow, .closeOnExec])
        else { return [] }
        let start = max(0, status.size - bytes)
        let read = try? file.closeAfter {
            try [UInt8](unsafeUninitializedCapacity: min(bytes, status.size)) { buffer, count in
                while count < buffer.count {
                    let part = UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
                    let got = try file.read(fromAbsoluteOffset: Int64(start + count), into: part)
                    guard got > 0 else { break }
                    count += got
                }
            }
        }
        var lines = (read ?? []).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // What is behind the last line's end is being written; what is before the first's may be half a line.
        lines.removeLast()
        if start > 0, !lines.isEmpty { lines.removeFirst() }
        return lines.compactMap { try? JSONDocument(parsing: Array($0), name: path.string).root }
    }
}

extension LiveRun {
    /// The run as if it had been stopped now, for what shows runs that have ended: its stages that are done, and nothing of the
    /// others.
    package var stopped: RunLocation {
        if let record { return RunLocation(folder: folder, record: record, store: store) }
        let name = folder.lastComponent?.string ?? ""
        let done = stages.count { $0.state == .done }
        let record = RunRecord(
            format: RunRecord.format, experiment: experiment, status: .interrupted,
            message: "The run goes on, or was killed: \(done) of \(stages.count) stages are done.",
            stages: stages.map { stage in
                var relative = stage.artifact ?? folder
                _ = relative.removePrefix(store.root)
                return RunRecord.Entry(
                    stage: stage.name, artifact: relative, fingerprint: stage.fingerprint,
                    status: stage.state == .done ? .cached : .skipped, seconds: 0, peakMemory: nil,
                    stagesAtOnce: nil, threads: nil, forecast: nil,
                    message: stage.state == .done ? nil : "It isn't done yet.")
            },
            started: RunHistory.time(ofName: name), finished: Timestamp.now().text,
            seconds: progress?.seconds ?? 0, arguments: [], config: nil, code: .null, machine: .null,
            environment: [:])
        return RunLocation(folder: folder, record: record, store: store)
    }

    /// For programs: how far the run and its stages are.
    package var value: JSONValue {
        [
            "run": .string(address), "state": .string(record?.status.rawValue ?? "running"),
            "progress": progress?.value ?? .null,
            "stages": .array(
                stages.map { stage in
                    [
                        "stage": .string(stage.name), "kind": .string(stage.kind),
                        "state": .string(stage.state.rawValue), "summary": .text(stage.summary),
                    ]
                }),
        ]
    }
}
