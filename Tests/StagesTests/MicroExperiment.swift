import ArtifactStore
import Files
import JSON
import Recipes
import Runs
import Stages
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// The experiment of `Tests/Fixtures/experiments/micro.json` in a store of its own.
struct MicroExperiment {
    let scratch: ScratchFolder
    let store: Store

    init() throws {
        scratch = try ScratchFolder()
        store = Store(scratch.path.appending("store"))
    }

    @discardableResult
    func run(
        threads: Int = 2, set overrides: [String] = [], only: [String] = [], log: LogText = LogText()
    ) throws -> RunOutcome {
        let text = try FileSystem.readText(Fixtures.path("experiments/micro.json"))
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "micro.json", overrides: overrides, registry: Stages.registry)
        return try Runner(
            experiment, store: store, options: .init(threads: threads, only: only), reporter: log.reporter
        ).run()
    }

    /// Changes bytes of a file of an artifact and writes its new hash in the artifact's record, as a forger would.
    ///
    /// The size stays. A file that differs from its record is made again.
    static func forge(_ path: FilePath, _ change: (inout [UInt8]) -> Void) throws {
        try tamper(path, change)
        let record = path.removingLastComponent().appending(ArtifactRecord.fileName)
        let root = try JSONDocument(parsing: FileSystem.read(record), name: record.string).root
        var object = try #require(JSONValue(root).object)
        let digest = try SHA256.hex(ofFile: path)
        let files = try #require(object["files"]?.array).map { file -> JSONValue in
            guard var entry = file.object, file["path"]?.string == path.lastComponent?.string else {
                return file
            }
            entry["sha256"] = .string(digest)
            return .object(entry)
        }
        object["files"] = .array(files)
        try FileSystem.writeAtomically(try JSONValue.object(object).prettyBytes(), to: record)
    }

    /// Changes bytes of a file without changing its size.
    static func tamper(_ path: FilePath, _ change: (inout [UInt8]) -> Void) throws {
        var bytes = try FileSystem.read(path)
        let count = bytes.count
        change(&bytes)
        precondition(bytes.count == count, "the size is to stay")
        try FileSystem.writeAtomically(bytes, to: path)
    }

    /// What is in the store beside whole artifacts, locks and records of runs.
    func halfWritten() throws -> [String] {
        var found = try FileSystem.list(store.root.appending(".tmp"))
        let folder = store.root.appending("micro")
        for name in try FileSystem.list(folder) where name != "runs" {
            if !FileSystem.exists(folder.appending(name).appending("artifact.json")) { found.append(name) }
        }
        return found
    }
}

extension RunOutcome {
    /// The artifact of a stage.
    func artifact(_ stage: String) -> Artifact? { stages.first { $0.stage == stage }?.artifact }
}

/// What was written to a log.
final class LogText: Sendable {
    private let lines = Mutex("")
    var text: String { lines.withLock { $0 } }
    var reporter: ProgressReporter {
        ProgressReporter(style: .plain) { [self] text in lines.withLock { $0 += text } }
    }
}

/// Replaces the first occurrence of `old` by as many bytes.
func replace(_ old: String, with new: String, in bytes: inout [UInt8]) {
    let (old, new) = (Array(old.utf8), Array(new.utf8))
    for start in bytes.indices where bytes[start...].starts(with: old) {
        bytes.replaceSubrange(start..<start + old.count, with: new)
        return
    }
}
