internal import ArtifactStore
internal import Files
internal import SystemPackage

/// A folder of results in the repository, with all that says where they are from and that they are whole.
struct RecordedResults {
    let folder: FilePath
    /// The nearest folder, this one or above, that has the record of a run; nil for results without a run.
    let runFolder: FilePath?
    let run: RunRecord?
    let artifacts: [RecordedArtifact]
    let checksums: ChecksumFile?
    /// What is missing or was changed, as sentences.
    let problems: [String]

    /// Reads and checks a folder.
    ///
    /// - Throws: `FileError` where it can't be read.
    init(_ folder: FilePath) throws {
        self.folder = folder
        var problems: [String] = []
        func attempt<Result>(_ body: () throws -> Result?) -> Result? {
            do {
                return try body()
            } catch {
                problems.append((error as? NotebookProblem)?.message ?? "\(error)")
                return nil
            }
        }
        runFolder = Self.nearest(RunRecord.fileName, from: folder)
        let runFolder = runFolder
        let run = attempt { try runFolder.map { try RunRecord.read($0) } }
        let checksums = attempt {
            try Self.nearest(ChecksumFile.name, from: folder).map { try ChecksumFile(in: $0) }
        }
        let artifacts = attempt { try RecordedArtifact.all(in: folder) } ?? []
        problems += attempt { try checksums?.problems() } ?? []
        for artifact in artifacts {
            problems += attempt { try artifact.problems() } ?? []
            guard let run else { continue }
            if run[artifact.stage]?.fingerprint != artifact.fingerprint {
                problems.append(
                    "\(artifact.path) isn't of the run in \(runFolder?.string ?? ""), which has another artifact as \(artifact.stage)."
                )
            }
        }
        if let run, run.status != .finished {
            problems.append(
                "\(runFolder?.string ?? "") has the record of a run that is \(run.status.rawValue).")
        }
        self.run = run
        self.checksums = checksums
        self.artifacts = artifacts
        self.problems = problems
    }

    /// Whether a digest says what has to be in a file.
    func covers(_ path: FilePath) -> Bool {
        let path = path.lexicallyNormalized()
        return artifacts.contains { artifact in
            artifact.files.contains { folder.pushing(FilePath($0.name)).lexicallyNormalized() == path }
        }
            || (checksums?.digests.contains { digest in
                checksums?.folder.pushing(FilePath(digest.path)).lexicallyNormalized() == path
            } ?? false)
    }

    /// The artifacts of the run's folder and of the folders in it.
    func artifactsBelow() throws -> [RecordedArtifact] {
        var all = artifacts
        for name in try FileSystem.list(folder) {
            let inner = folder.appending(name)
            if try FileSystem.status(inner)?.kind == .folder { all += try RecordedArtifact.all(in: inner) }
        }
        return all
    }

    /// The folder nearest to `folder` that has the file, `folder` itself or one of the two above it.
    private static func nearest(_ name: String, from folder: FilePath) -> FilePath? {
        var candidate = folder
        for _ in 0..<3 {
            if FileSystem.exists(candidate.isEmpty ? FilePath(name) : candidate.appending(name)) {
                return candidate.isEmpty ? "." : candidate
            }
            guard candidate.lastComponent?.kind == .regular else { return nil }
            candidate.removeLastComponent()
        }
        return nil
    }
}
