internal import Files
public import SystemPackage

/// A folder that is removed with the value.
public final class ScratchFolder: Sendable {
    public let path: FilePath

    public init() throws {
        let parent = FilePath(Command.environment("TMPDIR") ?? "/tmp")
        path = parent.appending("d3llm-tests-\(UInt64.random(in: 0 ... .max))")
        try FileSystem.createDirectory(path)
    }

    deinit { try? FileSystem.remove(path) }

    /// All files below a folder, by path relative to it, sorted.
    public static func files(below folder: FilePath) throws -> [String] {
        var files: [String] = []
        func visit(_ relative: String) throws {
            for name in try FileSystem.list(relative.isEmpty ? folder : folder.pushing(FilePath(relative))) {
                let child = relative.isEmpty ? name : "\(relative)/\(name)"
                switch try FileSystem.status(folder.pushing(FilePath(child)), followingLinks: false)?.kind {
                case .folder?: try visit(child)
                case nil: break
                default: files.append(child)
                }
            }
        }
        try visit("")
        return files
    }

    /// SHA-256 of all files below a folder but those that say when and where they were made: an artifact.json,
    /// records of runs, locks.
    public static func hashes(below folder: FilePath) throws -> [String: String] {
        var hashes: [String: String] = [:]
        for file in try files(below: folder) {
            if file.hasSuffix("artifact.json") || file.hasPrefix(".") || file.contains("/runs/") { continue }
            hashes[file] = try SHA256.hex(ofFile: folder.pushing(FilePath(file)))
        }
        return hashes
    }
}
