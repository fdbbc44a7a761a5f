package import ArtifactStore
internal import Base
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
        /// What the stages may do beyond computing.
        package var permissions: Permissions
        /// What the caller knows of the machine, for the records.
        package var machineExtras: @Sendable () throws -> JSONObject
        /// The largest difference of the numbers in two files of a form that only the caller can read.
        package var compare: @Sendable (FilePath, FilePath) -> Double?

        package init(
            stage: String? = nil, threads: Int = max(2, Machine.current.cores),
            permissions: Permissions = .none,
            machineExtras: @escaping @Sendable () throws -> JSONObject = { [:] },
            compare: @escaping @Sendable (FilePath, FilePath) -> Double? = { _, _ in nil }
        ) {
            self.stage = stage
            self.threads = threads
            self.permissions = permissions
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
        let stages = try chosenStages()
        try experiment.checkPermissions(options.permissions, store: store) { stage in
            stages.contains { $0.id == stage.id }
        }
        let chosen = try stages.map { (stage: $0, inputs: try inputs(of: $0)) }
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
                stage, inputs, threads: threads, in: scratch.path.appending("\(index)"), cancellation,
                options.permissions)
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

/// A stage made once outside the store.
struct DeterminismTrial {
    let threads: Int
    let seconds: Double
    /// SHA-256 by path.
    let hashes: [String: String]
    private let folder: FilePath
    private let result: StageResult
    private static let metrics = "metrics"
    private static let summary = "summary"

    init(
        _ stage: Stage, _ inputs: [String: Artifact], threads: Int, in folder: FilePath,
        _ cancellation: Cancellation, _ permissions: Permissions
    ) throws {
        let context = try StageContext.scratch(
            stage, in: folder, artifacts: inputs, threads: threads, cancellation: cancellation,
            permissions: permissions)
        let clock = ContinuousClock.now
        result = try stage.runnable().run(context)
        seconds = clock.duration(to: .now).inSeconds
        try context.publishJournals()
        self.threads = threads
        self.folder = context.output
        var hashes: [String: String] = [:]
        for file in try ArtifactInspector.files(below: context.output) {
            hashes[file] = try SHA256.hex(ofFile: context.output.pushing(FilePath(file)))
        }
        self.hashes = hashes
    }

    /// The files that only one of them has or that differ; also metrics and summary.
    func differences(from other: DeterminismTrial) -> Set<String> {
        var names = Set(hashes.keys).union(other.hashes.keys).filter { hashes[$0] != other.hashes[$0] }
        if result.metrics != other.result.metrics { names.insert(Self.metrics) }
        if result.summary != other.result.summary { names.insert(Self.summary) }
        return names
    }

    /// Nil where numbers can't be compared.
    func largestDifference(
        _ file: String, from other: DeterminismTrial, _ compare: (FilePath, FilePath) -> Double?
    ) -> Double? {
        if file == Self.metrics { return NumericDifference.largest(result.metrics, other.result.metrics) }
        let (a, b) = (folder.pushing(FilePath(file)), other.folder.pushing(FilePath(file)))
        guard FileSystem.exists(a), FileSystem.exists(b) else { return nil }
        return compare(a, b) ?? NumericDifference.largest(a, b)
    }

    /// Whether an artifact has the same files, metrics and summary.
    func isSame(as record: ArtifactRecord) -> Bool {
        let recorded = Dictionary(
            record.files.map { ($0.path, $0.sha256) }, uniquingKeysWith: { first, _ in first })
        return recorded == hashes && record.summary == result.summary
            && ValueDifference.between(record.metrics, result.metrics).isEmpty
    }
}

/// How far a stage gives the same again, as it was measured on this machine.
package enum Determinism: String, Sendable {
    /// The same bytes every time, with one thread and with many.
    case bitwise
    /// The same bytes with the same number of threads.
    case bitwiseForThreads = "bitwise for given threads"
    /// Other bytes even with the same number of threads.
    case statistical
}

/// What making one stage three times gave.
package struct DeterminismReport: Sendable {
    /// One of the three times.
    package struct Run: Sendable {
        package let threads: Int
        package let seconds: Double
    }

    /// A file that wasn't the same.
    package struct Difference: Sendable, Hashable {
        /// Relative to the artifact; "metrics" and "summary" stand for what isn't in a file.
        package let file: String
        /// Whether it differed between the two runs with one thread.
        package let differsAtOnce: Bool
        /// The largest difference of two numbers in the same place; nil where there are none to compare.
        package let largest: Double?
    }

    /// The stage's full name.
    package let stage: String
    package let kind: String
    package let fingerprint: String
    package let measured: Determinism
    package let runs: [Run]
    /// How many files were compared.
    package let files: Int
    package let differences: [Difference]
    /// Whether the artifact in the store has the same files and metrics; nil when there is none.
    package let sameAsStored: Bool?
    /// Where this was written to.
    package let record: FilePath
}

/// An input that a test needs and that isn't in the store.
package struct MissingInputError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ reference: ArtifactReference, of stage: Stage) {
        description =
            "The input \(reference) of stage \"\(stage.id)\" isn't in the store. Run the experiment first: d3llm run CONFIG --only \(ShellWord.quoted(reference.stage))."
    }
}

extension DeterminismReport {
    /// A table for people: stage, kind, what was measured, times; below it the files that differ.
    package static func table(_ reports: [DeterminismReport]) -> String {
        let head = ["stage", "kind", "measured", "files", "1 thread", "again", "many", "in the store"]
        let rows = reports.map { report -> [String] in
            let times = report.runs.map { Readable.duration($0.seconds) }
            let many = report.runs.last.map { "\(Readable.duration($0.seconds)) (\($0.threads))" }
            return [
                report.stage, report.kind, report.measured.rawValue, "\(report.files)", times.first ?? "",
                times.dropFirst().first ?? "", many ?? "",
                report.sameAsStored.map { $0 ? "the same" : "another" } ?? "none",
            ]
        }
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            let padded = zip(cells, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            return String(padded.joined(separator: "  ").reversed().drop { $0 == " " }.reversed()) + "\n"
        }
        return ([head] + rows).map(line).joined() + reports.map(\.details).joined()
    }

    private var details: String {
        differences.map { difference in
            let size = difference.largest.map { ", by at most \($0)" } ?? ""
            let when = difference.differsAtOnce ? "from run to run" : "with the number of threads"
            return "\n\(stage): \(difference.file) differs \(when)\(size)"
        }.joined() + (differences.isEmpty ? "" : "\n")
    }

    /// As the record in the store has it, without machine and code.
    package var json: JSONValue {
        [
            "stage": .string(stage), "kind": .string(kind), "fingerprint": .string(fingerprint),
            "measured": .string(measured.rawValue), "files": .integer(files),
            "runs": .array(
                runs.map { ["threads": .integer($0.threads), "seconds": .number($0.seconds)] }),
            "differences": .array(
                differences.map {
                    [
                        "file": .string($0.file), "withOneThread": .bool($0.differsAtOnce),
                        "largest": $0.largest.map(JSONValue.number) ?? .null,
                    ]
                }),
            "sameAsStored": sameAsStored.map(JSONValue.bool) ?? .null,
        ]
    }
}
