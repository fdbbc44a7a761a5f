internal import Files
internal import SystemPackage

/// What the markers of a notebook may name: files of its repository, none of them through a link.
///
/// Somebody else's notebook, rendered again and committed, would otherwise publish a file of the user's.
struct Reach {
    /// The notebook's folder.
    private let folder: FilePath
    /// The nearest folder above it, or itself, that is a repository (it holds `.git` or `data.lock`); nil where there is none, and
    /// then only the notebook's own folder counts.
    private let repository: FilePath?

    init(_ folder: FilePath) {
        let start = folder.isEmpty ? FilePath(".") : folder
        self.folder = (try? FileSystem.absolute(start))?.lexicallyNormalized() ?? start
        var above = self.folder
        while !["data.lock", ".git"].contains(where: { FileSystem.exists(above.appending($0)) }) {
            guard above.removeLastComponent(), !above.isEmpty else {
                repository = nil
                return
            }
        }
        repository = above
    }

    /// Where a path relative to the notebook's folder leads, without `..`, and what stands there; nil where nothing does.
    ///
    /// - Throws: `NotebookProblem` for a path that leads out; `FileError` where a link stands in the way.
    func place(_ file: String) throws -> (path: FilePath, kind: FileSystem.Kind?) {
        let path = folder.pushing(FilePath(file)).lexicallyNormalized()
        let top = repository ?? folder
        var rest = path
        guard rest.removePrefix(top) else {
            throw NotebookProblem.marker(
                "\(file) is outside of \(repository == nil ? "the notebook's folder" : "the notebook's repository"), which nothing of a notebook may be."
            )
        }
        let status = rest.isEmpty ? try FileSystem.status(top) : try Folder(top).status(rest)
        return (path, status?.kind)
    }
}
