internal import ArtifactStore
internal import Base
internal import Files
package import JSON
internal import Recipes
package import SystemPackage

/// How far a run is: a file of its folder while it goes on, for those who look at it from outside.
///
/// It is replaced as a whole every second or so, so that who reads it never waits and is never waited for, and is gone when
/// the run has ended. One of a run that was killed stays, and its time with it.
package struct RunProgress: Sendable {
    /// The name of the file in the run's folder.
    package static let fileName = "progress.json"
    static let format = 1

    /// A stage that is running, or waits for another process.
    package struct Stage: Sendable {
        package let stage: String
        package let fingerprint: String
        /// What it waits for; nil when it works.
        package let waiting: String?
        /// What is counted, in the plural, and how far it is; nil before there is something to count.
        package let unit: String?
        package let done: Int?
        package let total: Int?
        package let perSecond: Double?
        package let secondsLeft: Double?
        /// Such as the current loss.
        package let note: String?
        /// Since it began.
        package let seconds: Double

        /// From 0 to 1; nil where the end isn't known.
        package var share: Double? {
            guard let done, let total, total > 0 else { return nil }
            return min(1, max(0, Double(done) / Double(total)))
        }
    }

    /// UTC, ISO 8601: when this was so.
    package let time: String
    /// Since the first stage began.
    package let seconds: Double
    /// Until the run ends; nil where nothing says it.
    package let secondsLeft: Double?
    /// Stages of the run, and those of them that are done, made or found.
    package let all: Int
    package let done: Int
    package let stages: [Stage]

    /// "3 of 11 stages, about 4 min left in all".
    package var line: String {
        let left = secondsLeft.map { ", about \(Readable.span($0)) left in all" } ?? ""
        return "\(Readable.count(done)) of \(Readable.count(all)) stages done\(left)"
    }
}

extension RunProgress.Stage {
    init(_ stage: Recipes.Stage, _ running: RunningStage, _ now: ContinuousClock.Instant) {
        let stretch = running.stretch
        self.init(
            stage: stage.id, fingerprint: stage.fingerprint, waiting: running.waiting, unit: stretch?.unit,
            done: stretch?.done, total: stretch?.total, perSecond: stretch?.rate(now),
            secondsLeft: stretch?.secondsLeft(now), note: running.note,
            seconds: running.start.duration(to: now).inSeconds)
    }

    var value: JSONValue {
        [
            "stage": .string(stage), "fingerprint": .string(fingerprint), "waiting": .text(waiting),
            "unit": .text(unit), "done": done.map(JSONValue.integer) ?? .null,
            "total": total.map(JSONValue.integer) ?? .null,
            "perSecond": perSecond.map(JSONValue.number) ?? .null,
            "secondsLeft": secondsLeft.map(JSONValue.number) ?? .null, "note": .text(note),
            "seconds": .number(seconds),
        ]
    }

    init?(_ value: JSONValue) {
        guard let stage = value["stage"]?.string, let fingerprint = value["fingerprint"]?.string,
            Recipe.isFingerprint(fingerprint)
        else { return nil }
        self.init(
            stage: stage, fingerprint: fingerprint, waiting: value["waiting"]?.string,
            unit: value["unit"]?.string, done: value["done"]?.int, total: value["total"]?.int,
            perSecond: value["perSecond"]?.double, secondsLeft: value["secondsLeft"]?.double,
            note: value["note"]?.string, seconds: value["seconds"]?.double ?? 0)
    }
}

extension RunProgress {
    /// More is no such file.
    private static let sizeLimit = 4 << 20

    package var value: JSONValue {
        [
            "format": .integer(Self.format), "time": .string(time), "seconds": .number(seconds),
            "secondsLeft": secondsLeft.map(JSONValue.number) ?? .null,
            "stages": ["all": .integer(all), "done": .integer(done)],
            "running": .array(stages.map(\.value)),
        ]
    }

    /// What the run's folder says; nil where it says nothing that can be read.
    package init?(of run: FilePath) {
        let path = run.appending(Self.fileName)
        guard let size = (try? FileSystem.status(path))??.size, size < Self.sizeLimit,
            let bytes = try? FileSystem.read(path),
            let root = (try? JSONDocument(parsing: bytes, name: path.string)).map({ JSONValue($0.root) }),
            root["format"]?.int == Self.format, let time = root["time"]?.string,
            let all = root["stages"]?["all"]?.int, let done = root["stages"]?["done"]?.int
        else { return nil }
        self.init(
            time: time, seconds: root["seconds"]?.double ?? 0, secondsLeft: root["secondsLeft"]?.double,
            all: all, done: done, stages: (root["running"]?.array ?? []).compactMap { Stage($0) })
    }

    /// Puts the file in the run's folder; where that fails, nobody looks from outside, and the run goes on.
    ///
    /// It isn't flushed to the disk: of a machine that went down nothing goes on.
    func write(to run: FilePath) {
        let temporary = run.appending(".\(Self.fileName).tmp")
        guard let bytes = try? value.compactBytes(),
            let file = try? FileDescriptor.open(
                temporary, .writeOnly, options: [.create, .truncate, .closeOnExec, .noFollow],
                permissions: FilePermissions(rawValue: 0o666))
        else { return }
        let isWritten = (try? file.closeAfter { try file.writeAll(bytes) }) != nil
        guard isWritten, (try? FileSystem.rename(temporary, to: run.appending(Self.fileName))) != nil else {
            try? FileSystem.remove(temporary)
            return
        }
    }

    /// Takes the file away when the run has ended.
    static func remove(from run: FilePath) {
        try? FileSystem.remove(run.appending(".\(fileName).tmp"))
        try? FileSystem.remove(run.appending(fileName))
    }
}

/// How long a run takes still: as its forecast says, at the pace that it has kept so far.
struct RemainingTime {
    /// What the stages were expected to take, in seconds.
    let forecasts: [String: Double]
    /// The stages that the run makes or has made.
    let all: [String]
    let made: Set<String>
    /// Those that are running, with the share of their work that is done where that can be counted, and for how long.
    let running: [(stage: String, share: Double?, seconds: Double)]
    let elapsed: Double

    /// So much of the work has to be done before its pace counts.
    private static let least = 0.05

    /// Nil where a stage has no forecast.
    var seconds: Double? {
        var (whole, done) = (0.0, 0.0)
        for stage in all {
            guard let expected = forecasts[stage] else { return nil }
            whole += expected
            if made.contains(stage) { done += expected }
        }
        for (stage, share, seconds) in running where !made.contains(stage) {
            guard let expected = forecasts[stage], expected > 0 else { continue }
            done += expected * (share ?? min(0.95, seconds / expected))
        }
        guard whole > 0 else { return nil }
        let left = max(0, whole - done)
        return done >= Self.least * whole && elapsed > 0 ? elapsed * left / done : left
    }
}

/// Something that a run's log tells, for programs that follow it.
package enum ProgressEvent: Sendable, Hashable {
    /// A stage began, or waits for another process.
    case began(String, waiting: String?)
    /// How far the countable work of a stage is; every ten seconds at most.
    case progressed(String, done: Int, total: Int?, unit: String, note: String?)
    /// A stage was made, with what it says of it; nil where it failed, stopped or waits no longer.
    case ended(String, String?)
    case said(String, isWarning: Bool)

    /// One object; the label is that of the log, such as "[3/11] teacher".
    package var value: JSONValue {
        switch self {
        case .began(let label, let waiting):
            [
                "event": "stage", "label": .string(label), "state": waiting == nil ? "started" : "waiting",
                "message": waiting.map(JSONValue.string) ?? .null,
            ]
        case .progressed(let label, let done, let total, let unit, let note):
            [
                "event": "progress", "label": .string(label), "done": .integer(done),
                "total": total.map(JSONValue.integer) ?? .null, "unit": .string(unit),
                "note": note.map(JSONValue.string) ?? .null,
            ]
        case .ended(let label, let message):
            [
                "event": "stage", "label": .string(label), "state": message == nil ? "left" : "made",
                "message": message.map(JSONValue.string) ?? .null,
            ]
        case .said(let text, let isWarning):
            ["event": "log", "message": .string(text), "warning": .bool(isWarning)]
        }
    }
}
