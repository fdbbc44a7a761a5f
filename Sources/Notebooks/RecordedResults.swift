internal import ArtifactStore
internal import Base
internal import Files
internal import JSON
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

/// The digests of a folder of results, in the form that `sha256sum --check` reads.
///
/// The first line is a comment with the run that the results are of.
struct ChecksumFile {
    static let name = "SHA256SUMS"

    /// The folder that the paths are relative to.
    let folder: FilePath
    /// The run's address in the store that the results were recorded from, if the file says so.
    let run: String?
    /// SHA-256 by path, in the order of the file.
    let digests: [(path: String, sha256: String)]

    /// - Throws: A problem for a line of another form, `FileError`.
    init(in folder: FilePath) throws {
        self.folder = folder
        let path = folder.appending(Self.name)
        var run: String?
        var digests: [(path: String, sha256: String)] = []
        for (index, line) in try FileSystem.readText(path).byteText.split("\n").map(\.text).enumerated() {
            if let comment = line.byteText.dropping(prefix: "#") {
                if run == nil { run = comment.text.trimmed }
                continue
            }
            let digest = Substring(line.utf8.prefix(64))
            let name = Substring(line.utf8.dropFirst(66))
            guard digest.utf8.count == 64, digest.unicodeScalars.allSatisfy(\.properties.isASCIIHexDigit),
                Substring(line.utf8.dropFirst(64)).byteText.hasPrefix("  "),
                FilePath(foreign: String(name))?.isRelative == true, !name.isEmpty
            else {
                throw NotebookProblem.results(
                    "Line \(index + 1) of \(path) isn't a digest and a file, as sha256sum writes them.")
            }
            digests.append((String(name), digest.byteText.asciiLowercased.text))
        }
        self.run = run
        self.digests = digests
    }

    /// What isn't as the digests say, as sentences.
    func problems() throws -> [String] {
        var problems: [String] = []
        for (path, sha256) in digests {
            let file = folder.pushing(FilePath(path))
            guard try FileSystem.status(file)?.kind == .file else {
                problems.append("\(file) is missing, but \(Self.name) lists it.")
                continue
            }
            if try SHA256.hex(ofFile: file) != sha256 {
                problems.append(
                    "\(file) isn't what was recorded: its digest differs from that in \(Self.name).")
            }
        }
        let listed = Set(digests.map(\.path.byteText))
        for path in try Self.files(in: folder) where path != Self.name && !listed.contains(path.byteText) {
            problems.append(
                "\(folder.pushing(FilePath(path))) was not recorded: \(Self.name) doesn't list it.")
        }
        return problems
    }

    /// All files below a folder but hidden ones, by path relative to it.
    private static func files(in folder: FilePath) throws -> [String] {
        var files: [String] = []
        for name in try FileSystem.list(folder) where !name.byteText.hasPrefix(".") {
            let path = folder.appending(name)
            if try FileSystem.status(path)?.kind == .folder {
                files += try Self.files(in: path).map { "\(name)/\($0)" }
            } else {
                files.append(name)
            }
        }
        return files
    }
}

/// The record of an artifact whose files were copied from a store to a folder of results, as `STAGE-artifact.json`.
struct RecordedArtifact {
    static let suffix = "-artifact.json"

    /// The stage, as the run called it.
    let stage: String
    let path: FilePath
    let fingerprint: String
    /// UTC, ISO 8601.
    let finished: String
    /// SHA-256 by name.
    let files: [(name: String, sha256: String)]
    private let recipe: JSONValue

    /// - Throws: A problem where it isn't the record of an artifact, `FileError`.
    init(_ path: FilePath) throws {
        self.path = path
        stage = path.lastComponent?.string.byteText.dropping(suffix: Self.suffix.byteText)?.text ?? ""
        let root: JSONValue
        do {
            root = JSONValue(try JSONDocument(parsing: try FileSystem.read(path), name: path.string).root)
        } catch let error as JSONSyntaxError {
            throw NotebookProblem.results("\(error)")
        }
        guard let fingerprint = root["fingerprint"]?.string, let finished = root["finished"]?.string,
            let recipe = root["recipe"], let files = root["files"]?.array
        else {
            throw NotebookProblem.results(
                "\(path) isn't the record of an artifact: fingerprint, recipe, files or finished is missing.")
        }
        self.fingerprint = fingerprint
        self.finished = finished
        self.recipe = recipe
        self.files = try files.map { file in
            guard let name = file["path"]?.string, let sha256 = file["sha256"]?.string,
                FilePath(foreign: name)?.isRelative == true
            else { throw NotebookProblem.results("\(path) has a file without path or sha256.") }
            return (name, sha256)
        }
    }

    /// The records in a folder, by stage.
    static func all(in folder: FilePath) throws -> [RecordedArtifact] {
        try FileSystem.list(folder).filter {
            $0.byteText.hasSuffix(suffix) && $0.utf8.count > suffix.utf8.count
        }
        .map { try RecordedArtifact(folder.appending($0)) }
    }

    /// What isn't as the record says, as sentences.
    func problems() throws -> [String] {
        var problems: [String] = []
        if SHA256.hex(of: try recipe.canonicalBytes()) != fingerprint {
            problems.append("\(path) was changed: its fingerprint isn't that of its recipe.")
        }
        for (name, sha256) in files {
            let file = path.removingLastComponent().pushing(FilePath(name))
            guard try FileSystem.status(file)?.kind == .file else {
                problems.append("\(file) is missing, but \(path) lists it.")
                continue
            }
            if try SHA256.hex(ofFile: file) != sha256 {
                problems.append("\(file) isn't what the run made: its digest differs from that in \(path).")
            }
        }
        return problems
    }
}
