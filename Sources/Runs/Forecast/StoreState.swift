import ArtifactStore
internal import Base
import Files
import Recipes
import SystemPackage

/// What the store has of the stages of an experiment.
struct StoreState {
    /// What stands in the place of each stage's artifact.
    private(set) var findings: [String: Store.Finding] = [:]
    /// The records of the stages whose artifacts are there.
    private(set) var records: [String: ArtifactRecord] = [:]
    /// What earlier processes left of the others.
    private(set) var leftovers: [String: Leftovers] = [:]

    /// Looks without changing anything.
    ///
    /// - Throws: `StoreError`, `FileError`.
    package init(_ experiment: Experiment, _ store: Store) throws {
        for stage in experiment.stages {
            let finding = try store.find(stage, in: experiment)
            findings[stage.id] = finding
            if case .whole(let artifact) = finding {
                records[stage.id] = artifact.record
            } else {
                leftovers[stage.id] = Leftovers(store.workFolder(stage.fingerprint))
            }
        }
    }
}

/// Work of a stage that was stopped.
struct Leftovers {
    package let folder: FilePath
    /// Records in its journals.
    package let records: Int

    /// What is in a work folder; nil where it is empty or absent.
    package init?(_ folder: FilePath) {
        guard let files = try? FileSystem.list(folder), !files.isEmpty else { return nil }
        self.folder = folder
        records = files.filter { $0.byteText.hasSuffix(".jsonl") }.reduce(0) { sum, name in
            let path = folder.appending(name)
            guard let text = try? JournalText(reading: path, fingerprint: nil) else { return sum }
            return sum + text.records.count
        }
    }
}
