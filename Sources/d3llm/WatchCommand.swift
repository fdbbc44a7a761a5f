import ArgumentParser
import ArtifactStore
internal import Base
import Files
import History
import JSON
import Recipes
import Runs
import Sessions
import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// `d3llm watch` follows a run of another process.
struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Follow a run that goes on in another process: losses, rates, samples.",
        discussion: """
            Without a name it is the newest run of the store that hasn't ended; an experiment's name means its newest run. In \
            a terminal the run is drawn in place; elsewhere, or with --plain, each thing that happens is a line, with --json \
            an object (docs/json.md). It ends when the run ends, with exit code 1 unless the run finished. Nothing is \
            written, and the run never waits for it.
            """)

    @Argument(help: "An experiment, a run's folder or that folder's name; by default the newest run.")
    var name: String?

    @Flag(help: "Say how it is now, and end.")
    var once = false

    @Flag(help: "Print a line for each thing that happens, without escape sequences.")
    var plain = false

    @Flag(help: "Print one JSON object for each thing that happens, one a line.")
    var json = false

    @OptionGroup var storage: StoreOptions

    func validate() throws {
        if plain, json { throw ValidationError("Give --plain or --json, not both.") }
    }

    func run() throws {
        try ExitCodes.reporting(asJSON: json, isLine: true) {
            let (folder, experiment) = try LiveRun.find(name, in: storage.store)
            var follower = Follower(folder, experiment, storage.store)
            let style = plain || json ? nil : TerminalStyle.ofStandardOutput()
            if once {
                let run = follower.look()
                if json { return Output.event(run.value) }
                let view = WatchView(isUnicode: style?.isUnicode ?? true, columns: 100, rows: 1000)
                return Output.words(
                    view.lines(run, isSilent: follower.isSilent(run)).map { "\($0)\n" }.joined())
            }
            let end = try style.map { try draw(&follower, $0) } ?? tell(&follower)
            if end != .finished { throw end == nil ? ExitCodes.interrupted : ExitCodes.failure }
        }
    }

    /// Draws the run until it ends; how it ended, or nil where the watching was ended.
    private func draw(_ follower: inout Follower, _ style: TerminalStyle) throws -> RunRecord.Status? {
        var screen = LiveLines(style)
        TerminalGuard.begin(hidesCursor: true)
        defer { TerminalGuard.end() }
        func put(_ text: String) { _ = try? FileDescriptor.standardOutput.writeAll(text.utf8) }
        defer { put("\r\n") }
        while true {
            let run = follower.look()
            let size = screen.size
            let view = WatchView(isUnicode: style.isUnicode, columns: size.columns, rows: size.rows)
            put(screen.show(view.lines(run, isSilent: follower.isSilent(run))))
            if let record = run.record { return record.status }
            if follower.isSilent(run) { return .failed }
            guard Self.wait() else { return nil }
        }
    }

    /// Tells what happens, line by line.
    private func tell(_ follower: inout Follower) -> RunRecord.Status? {
        TerminalGuard.begin(hidesCursor: false)
        defer { TerminalGuard.end() }
        while true {
            let run = follower.look()
            for event in follower.news(of: run) {
                if json { Output.event(event.value) } else { Output.words("\(event.text)\n") }
            }
            fflush(nil)
            if let record = run.record { return record.status }
            if follower.isSilent(run) {
                Output.notice("\(run.address): nothing was heard of it lately; it was killed.\n")
                return .failed
            }
            guard Self.wait() else { return nil }
        }
    }

    /// Waits a second; false when the watching should end.
    private static func wait() -> Bool {
        for _ in 0..<10 {
            guard !TerminalGuard.isInterrupted else { return false }
            usleep(100_000)
        }
        return !TerminalGuard.isInterrupted
    }
}

/// Looks at one run again and again, and tells what is new.
private struct Follower {
    let folder: FilePath
    let experiment: String
    let store: Store
    private var configured: Experiment?
    private var last: LiveRun?
    private var states: [String: LiveRun.State] = [:]
    private var points: [String: Int] = [:]
    /// Keys of samples that were told, by stage.
    private var samples: [String: [String]] = [:]

    init(_ folder: FilePath, _ experiment: String, _ store: Store) {
        (self.folder, self.experiment, self.store) = (folder, experiment, store)
    }

    /// So many samples are looked at in one go.
    private static let sampleLimit = 64

    mutating func look() -> LiveRun {
        configured = configured ?? LiveRun.experiment(of: folder, registry: D3LLM.registry)
        let run = LiveRun(folder, experiment: experiment, in: store, configured: configured, previous: last)
        last = run
        return run
    }

    func isSilent(_ run: LiveRun) -> Bool { run.isSilent(now: time(nil)) }

    /// What is new since the last time that this was asked.
    mutating func news(of run: LiveRun) -> [WatchEvent] {
        var events: [WatchEvent] = []
        for stage in run.stages {
            let before = states[stage.name]
            // A training's last lines are in the artifact; those of stages that were done before are old.
            if stage.state == .running || stage.state == .done && before == .running {
                let all = run.training(of: stage)
                // For a moment, the log is no longer in the one place and not yet in the other.
                let told = points[stage.name] ?? 0
                events += all.dropFirst(told).map { .training(stage.name, $0) }
                points[stage.name] = max(told, all.count)
            }
            if stage.state == .running {
                let found = run.samples(of: stage, last: Self.sampleLimit)
                let told = Set(samples[stage.name] ?? [])
                events += found.filter { !told.contains($0.key) }.map { .sample(stage.name, $0) }
                samples[stage.name] = found.map(\.key)
            }
            if before != stage.state, before != nil || stage.state != .open {
                events.append(.stage(stage))
            }
            states[stage.name] = stage.state
        }
        if let progress = run.progress { events.append(.progress(run, progress)) }
        if let record = run.record { events.append(.end(run, record)) }
        return events
    }
}

/// Something that happened to a run.
private enum WatchEvent {
    case stage(LiveRun.Stage)
    case training(String, LiveRun.TrainingPoint)
    case sample(String, LiveRun.Sample)
    case progress(LiveRun, RunProgress)
    case end(LiveRun, RunRecord)

    var text: String {
        switch self {
        case .stage(let stage):
            "\(stage.name): \(stage.state.rawValue)\(stage.summary.map { ", \($0)" } ?? "")"
        case .training(let stage, let point):
            "\(stage): \(point.phase), step \(point.step): loss \(WatchView.number(point.loss))"
                + (point.gradientNorm.map { ", gradient norm \(WatchView.number($0))" } ?? "")
        case .sample(let stage, let sample): "\(stage): \(WatchView.told(sample, isUnicode: false))"
        case .progress(_, let progress):
            ([progress.line]
                + progress.stages.compactMap { stage in
                    stage.share.map { "\(stage.stage) \(Int($0 * 100))%" }
                }).joined(separator: "; ")
        case .end(let run, let record):
            "\(run.address): \(record.status.rawValue) after \(Readable.span(record.seconds))"
        }
    }

    var value: JSONValue {
        switch self {
        case .stage(let stage):
            [
                "event": "stage", "stage": .string(stage.name), "kind": .string(stage.kind),
                "state": .string(stage.state.rawValue), "summary": .text(stage.summary),
            ]
        case .training(let stage, let point):
            [
                "event": "training", "stage": .string(stage), "phase": .string(point.phase),
                "step": .integer(point.step), "loss": .number(point.loss),
                "gradientNorm": point.gradientNorm.map(JSONValue.number) ?? .null,
                "learningRateFactor": point.rateFactor.map(JSONValue.number) ?? .null,
            ]
        case .sample(let stage, let sample):
            [
                "event": "sample", "stage": .string(stage), "sample": .string(sample.key),
                "correct": sample.isCorrect.map(JSONValue.bool) ?? .null, "text": .text(sample.text),
            ]
        case .progress(_, let progress): ["event": "progress", "progress": progress.value]
        case .end(let run, let record):
            [
                "event": "end", "run": .string(run.address), "status": .string(record.status.rawValue),
                "seconds": .number(record.seconds), "message": .text(record.message),
            ]
        }
    }
}
