import ArtifactStore
import Files
import JSON
import Recipes
import Runs
import SystemPackage

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
        _ cancellation: Cancellation
    ) throws {
        let context = try StageContext.scratch(
            stage, in: folder, artifacts: inputs, threads: threads, cancellation: cancellation,
            permissions: .none)
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
