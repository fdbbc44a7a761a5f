internal import Base
internal import Files
internal import JSON
internal import SystemPackage

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
