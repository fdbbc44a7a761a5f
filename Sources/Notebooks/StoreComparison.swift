internal import ArtifactStore
internal import Files
internal import SystemPackage

/// Recorded results beside the run that they were recorded from, where a store has it.
struct StoreComparison {
    /// The run's address; nil where the store doesn't have it.
    let address: String?
    /// What differs, as sentences.
    let problems: [String]

    init(_ results: RecordedResults, _ store: Store) {
        guard let run = results.run, let folder = results.runFolder,
            let found = Self.find(run, in: store)
        else {
            (address, problems) = (nil, [])
            return
        }
        address = found.address
        var problems: [String] = []
        do {
            let file = RunRecord.fileName
            if try FileSystem.read(folder.appending(file)) != FileSystem.read(found.folder.appending(file)) {
                problems.append(
                    "\(folder.appending(file)) isn't the record of \(found.address) in the store \(store.root)."
                )
            }
            for artifact in results.artifacts {
                problems += try Self.problems(artifact, found)
            }
        } catch {
            problems.append("\(error)")
        }
        self.problems = problems
    }

    private static func problems(_ recorded: RecordedArtifact, _ run: RunLocation) throws -> [String] {
        // An artifact that was removed from the store since says nothing against what was recorded.
        guard let entry = run.record[recorded.stage], let artifact = try run.store.artifact(of: entry) else {
            return []
        }
        return try recorded.files.compactMap { name, sha256 in
            let file = artifact.folder.pushing(FilePath(name))
            guard try FileSystem.status(file)?.kind == .file else {
                return "\(recorded.path) lists \(name), which \(artifact.folder) hasn't."
            }
            return try SHA256.hex(ofFile: file) == sha256
                ? nil : "\(file) in the store isn't what \(recorded.path) says of it."
        }
    }

    /// The run of the same experiment that began in the same second.
    private static func find(_ run: RunRecord, in store: Store) -> RunLocation? {
        for folder in store.runs(of: run.experiment) {
            guard let location = try? RunLocation.find(folder.string, in: store),
                location.record.started == run.started, location.record.finished == run.finished
            else { continue }
            return location
        }
        return nil
    }
}
