internal import Base
internal import Files
internal import SystemPackage

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
