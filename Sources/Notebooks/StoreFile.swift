internal import Base
internal import Files
internal import Pipeline
internal import SystemPackage

/// A file of a run in a store, as markers name it: `run:RUN@STAGE/FILE`.
struct StoreFile {
    static let prefix = "run:"

    private let text: String

    /// - Returns: nil for names of other files.
    init?(_ text: String) {
        guard let rest = text.byteText.dropping(prefix: Self.prefix.byteText) else { return nil }
        self.text = rest.text
    }

    /// Where the file is, after a check against the digest in its artifact's record.
    func path(in store: Store) throws -> FilePath {
        guard let (run, rest) = text.byteText.cut(at: "@"), let (stageName, file) = rest.cut(at: "/") else {
            throw NotebookProblem.marker(
                "A file of a run is written as run:RUN@STAGE/FILE; this is \"\(Self.prefix)\(text)\".")
        }
        let location: RunLocation
        do {
            location = try RunLocation.find(run.text, in: store)
        } catch let error as UnknownRunError {
            throw NotebookProblem.marker("\(error)")
        }
        let stage = stageName.text
        guard let entry = location.record[stage] else {
            let names = location.record.stages.map(\.stage)
            throw NotebookProblem.marker(
                "The run \(location.address) has no stage \"\(stage)\". \(NearestName.hint(for: stage, among: names, what: "Its stages") ?? "")"
                    .trimmed)
        }
        guard let artifact = try location.store.artifact(of: entry) else {
            throw NotebookProblem.marker(
                "The artifact of \(stage) in \(location.address) isn't in the store any more.")
        }
        let name = file.text
        guard let file = artifact.record.files.first(where: { $0.path == name }) else {
            let names = artifact.record.files.map(\.path)
            throw NotebookProblem.marker(
                "The artifact of \(stage) has no file \"\(name)\". \(NearestName.hint(for: name, among: names, what: "Its files") ?? "")"
                    .trimmed)
        }
        let path = artifact.folder.pushing(FilePath(name))
        guard try SHA256.hex(ofFile: path) == file.sha256 else {
            throw NotebookProblem.results(
                "\(path) isn't what its artifact.json says; d3llm verify tells more.")
        }
        return path
    }
}
