import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Audit
@testable import Recipes
@testable import Runs

/// A run of the toy chain in a store of its own, to be damaged.
struct FinishedRun {
    let folder: TemporaryFolder
    let store: Store
    let location: RunLocation

    init(_ text: String = chain, set: [String] = []) throws {
        folder = try TemporaryFolder()
        store = Store(folder.path.appending("store"))
        let experiment = try parse(text, set: set)
        let outcome = try Runner(experiment, store: store).run()
        location = try RunLocation.find(try #require(outcome.record).string, in: store)
    }

    /// What checking it finds.
    func verify(
        samples: Int = 0, seed: UInt64 = 1, registry: StageRegistry = toys, given: Experiment? = nil
    ) throws -> Verification {
        try Verifier(
            try RunLocation.find(location.folder.string, in: store), registry: registry,
            options: .init(samples: samples, seed: seed, threads: 1, experiment: given)
        ).verify()
    }

    /// The folder of a stage's artifact.
    func artifact(_ stage: String) throws -> FilePath {
        store.root.pushing(try #require(location.record[stage]).artifact)
    }

    /// Changes text of a file; the old text must be there.
    func edit(_ path: FilePath, _ old: String, _ new: String) throws {
        let text = try FileSystem.readText(path)
        try #require(text.contains(old), "\(path) has no \(old): \(text)")
        try FileSystem.writeAtomically(text.replacing(old, with: new, maxReplacements: 1), to: path)
    }

    /// Makes an artifact's list of files true again, as one who wants to hide a change would.
    func reseal(_ stage: String) throws {
        let folder = try artifact(stage)
        let path = folder.appending("artifact.json")
        var record = try #require(
            JSONValue(JSONDocument(parsing: FileSystem.read(path), name: "record").root).object)
        let files = try ScratchFolder.files(below: folder).filter { $0 != "artifact.json" }
        record["files"] = .array(
            try files.map { file in
                let bytes = try FileSystem.read(folder.pushing(FilePath(file)))
                return [
                    "path": .string(file), "size": .integer(bytes.count),
                    "sha256": .string(SHA256.hex(of: bytes)),
                ]
            })
        try FileSystem.writeAtomically(JSONValue.object(record).prettyBytes(), to: path)
    }

    /// All files of the store with their content.
    func contents() throws -> [String: String] {
        var contents: [String: String] = [:]
        for file in try ScratchFolder.files(below: store.root) {
            contents[file] = try SHA256.hex(ofFile: store.root.pushing(FilePath(file)))
        }
        return contents
    }
}

extension Verification {
    /// The problems of a stage by step.
    func problems(_ stage: String? = nil) -> [Step: String] {
        var found: [Step: String] = [:]
        for check in checks where stage == nil || check.subject == stage {
            if case .broken(let problems) = check.outcome {
                found[check.step, default: ""] += problems.joined(separator: "\n")
            }
        }
        return found
    }
}
