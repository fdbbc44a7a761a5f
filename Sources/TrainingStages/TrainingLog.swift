internal import Base
internal import Files
internal import JSON
internal import StageBasics
internal import SystemPackage
internal import Training

/// Losses of a training run: means over stretches of steps, as JSON lines.
package struct TrainingLog {
    /// Steps per line.
    private static let stretch = 25

    /// What a number of steps or rows may be: whoever prepared a folder may have written anything.
    package static let counts = 0...(1 << 40)

    private(set) var lines: [JSONValue] = []
    private var pending: [LossReport] = []
    private var norms: [Double] = []

    /// The mean losses of the last stretch.
    private(set) var finalGroups: [LossReport.Group] = []

    init() {}

    /// The log of an earlier process; whatever came after its last whole stretch is computed again.
    init(lines: [JSONValue], pending: [LossReport], norms: [Double]) {
        self.lines = lines
        self.pending = pending
        self.norms = norms
    }

    /// The steps after which a phase has a line, counted from 1.
    static func steps(of count: Int) -> [Int] {
        Array(Swift.stride(from: stretch, to: count, by: stretch)) + (count > 0 ? [count] : [])
    }

    /// Whether there is a norm for each report of a stretch that isn't over, all of them are of the same groups, and all
    /// numbers are such as a training comes to.
    var isCredible: Bool {
        pending.count == norms.count && pending.count < Self.stretch
            && pending.allSatisfy { $0.groups.count == pending[0].groups.count }
            && lines.allSatisfy { $0["phase"]?.string != nil && $0["step"]?.int != nil && Self.isLikely($0) }
            && pending.allSatisfy { Self.isLikely($0.value) }
            && norms.allSatisfy { Self.isLikely(.number($0)) }
    }

    private static func isLikely(_ value: JSONValue) -> Bool {
        switch value {
        case .null, .bool, .string: true
        case .integer(let number): counts.contains(number)
        // A sum of some of them is finite too.
        case .number(let number): number.magnitude < 1e30
        case .array(let elements): elements.allSatisfy(isLikely)
        case .object(let object): object.members.allSatisfy { isLikely($0.value) }
        }
    }

    /// Whether a report can follow those that are there.
    func fits(_ report: LossReport) -> Bool {
        pending.first.map { $0.groups.count == report.groups.count } ?? true
    }

    var pendingReports: [LossReport] { pending }
    var pendingNorms: [Double] { norms }

    mutating func record(
        phase: String, step: Int, of steps: Int, report: LossReport, norm: Double, factor: Double
    ) {
        pending.append(report)
        norms.append(norm)
        guard pending.count == Self.stretch || step == steps - 1 else { return }
        let groups = report.groups.indices.map { g in
            LossReport.Group(
                name: report.groups[g].name, crossEntropy: mean(pending.map { $0.groups[g].crossEntropy }),
                entropy: mean(pending.map { $0.groups[g].entropy }),
                rows: pending.reduce(0) { $0 + $1.groups[g].rows },
                correct: pending.reduce(0) { $0 + $1.groups[g].correct })
        }
        finalGroups = groups
        lines.append([
            "phase": .string(phase), "step": .integer(step + 1), "loss": .number(mean(pending.map(\.total))),
            "gradientNorm": .number(mean(norms)), "learningRateFactor": .number(factor),
            "groups": .array(groups.map(\.value)),
        ])
        pending = []
        norms = []
    }

    /// A few words for the progress line.
    var note: String {
        guard let last = lines.last, let loss = last["loss"]?.double else { return "" }
        return "\(last["phase"]?.string ?? "") loss \((loss * 1000).rounded() / 1000)"
    }

    func write(to path: FilePath) throws {
        var bytes: [UInt8] = []
        for line in lines { bytes += try line.compactBytes() + [UInt8(ascii: "\n")] }
        try FileSystem.writeAtomically(bytes, to: path)
    }

    private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
}

extension TrainingLog {
    /// The mean losses of the last stretch, from the log of a training that came to its end.
    ///
    /// - Parameter phases: Names and steps of the phases that the log must tell of, in order.
    /// - Throws: ``DamagedFileError`` when a line is no line of a log, or a phase is missing or not whole.
    static func finalGroups(
        in path: FilePath, phases: [(name: String, steps: Int)]
    ) throws -> [LossReport.Group] {
        let lines = try FileSystem.readText(path, limit: FileLimit.data).byteText.split("\n").map(\.text)
        var number = 0
        var groups: [LossReport.Group] = []
        for phase in phases {
            for step in steps(of: phase.steps) {
                number += 1
                guard number <= lines.count else {
                    throw DamagedFileError(
                        path,
                        "it ends after \(lines.count) lines, before step \(step) of phase \(phase.name).")
                }
                let root = try JSONDocument(parsing: Array(lines[number - 1].utf8), name: "\(path):\(number)")
                    .root
                guard root["phase"]?.string == phase.name, root["step"]?.int == step,
                    let nodes = root["groups"]?.array
                else {
                    throw DamagedFileError(
                        path, line: number, "this line should tell of phase \(phase.name), step \(step).")
                }
                groups = nodes.compactMap { LossReport.Group($0) }
                guard groups.count == nodes.count else {
                    throw DamagedFileError(path, line: number, "a group of losses lacks a number.")
                }
            }
        }
        guard number == lines.count else {
            throw DamagedFileError(
                path, line: number + 1, "the training has no more than \(number) lines of log.")
        }
        return groups
    }
}

/// The log of a training while it runs, for those who look at it from outside.
///
/// It is a file of the stage's work folder, which goes when the artifact is whole; what is lost of it is lost to them only. Its lines are those of the artifact's log, each with the number of steps of all phases (`total`); those of this process
/// also with how many of them are done (`done`) and the seconds since it began to train.
struct LiveTrainingLog {
    /// The name of the file, which is no journal.
    static let fileName = "training-live.jsonl"

    private let path: FilePath
    private let total: Int
    private let start = ContinuousClock.now
    private var count: Int

    /// Begins the file with the lines of an earlier process.
    ///
    /// - Parameter total: Steps of all phases.
    init(folder: FilePath, log: TrainingLog, total: Int) {
        path = folder.appending(Self.fileName)
        self.total = total
        count = log.lines.count
        let bytes = log.lines.flatMap { Self.bytes($0, done: nil, total, seconds: nil) }
        // Not flushed to the disk: of a machine that went down nothing goes on.
        write(bytes, [.create, .truncate])
    }

    /// Adds the lines that the log has got since.
    mutating func update(_ log: TrainingLog, done: Int) {
        guard log.lines.count > count else { return }
        let seconds = start.duration(to: .now) / .seconds(1)
        let bytes = log.lines[count...].flatMap { Self.bytes($0, done: done, total, seconds: seconds) }
        count = log.lines.count
        write(bytes, [.append])
    }

    private static func bytes(_ line: JSONValue, done: Int?, _ total: Int, seconds: Double?) -> [UInt8] {
        guard var object = line.object else { return [] }
        if let done { object["done"] = .integer(done) }
        object["total"] = .integer(total)
        if let seconds { object["seconds"] = .number((seconds * 1000).rounded() / 1000) }
        guard let bytes = try? JSONValue.object(object).compactBytes() else { return [] }
        return bytes + [UInt8(ascii: "\n")]
    }

    private func write(_ bytes: [UInt8], _ options: FileDescriptor.OpenOptions) {
        guard
            let file = try? FileDescriptor.open(
                path, .writeOnly, options: options.union([.closeOnExec, .noFollow]),
                permissions: FilePermissions(rawValue: 0o666))
        else { return }
        _ = try? file.closeAfter { try file.writeAll(bytes) }
    }
}

extension LossReport {
    /// As logs and checkpoints hold it.
    var value: JSONValue { ["total": .number(total), "groups": .array(groups.map(\.value))] }

    init?(_ node: JSONNode) {
        guard let total = node["total"]?.double, let nodes = node["groups"]?.array else { return nil }
        let groups = nodes.compactMap { Group($0) }
        guard groups.count == nodes.count else { return nil }
        self.init(groups: groups, total: total)
    }
}

extension LossReport.Group {
    var value: JSONValue {
        [
            "name": .string(name), "crossEntropy": .number(crossEntropy), "entropy": .number(entropy),
            "rows": .integer(rows), "correct": .integer(correct),
        ]
    }

    init?(_ node: JSONNode) {
        guard let name = node["name"]?.string, let crossEntropy = node["crossEntropy"]?.double,
            let entropy = node["entropy"]?.double, let rows = node["rows"]?.int,
            let correct = node["correct"]?.int
        else { return nil }
        self.init(name: name, crossEntropy: crossEntropy, entropy: entropy, rows: rows, correct: correct)
    }
}
