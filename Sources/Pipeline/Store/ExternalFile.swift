import Files
import JSON
import Synchronization
public import SystemPackage

/// A file of an artifact that wasn't made but taken over, from a cache of downloads.
public struct ExternalFile: Sendable, Hashable {
    /// Relative to the artifact's folder.
    public let path: String
    /// Where it can be had, without anything secret.
    public let address: String?
    /// Whether the artifact has only a link to it, because it lies on another file system and is too large for two
    /// copies; else it is the same file under a second name.
    public let isReference: Bool

    init(path: String, address: String?, isReference: Bool) {
        (self.path, self.address, self.isReference) = (path, address, isReference)
    }

    init?(_ value: JSONValue) {
        guard let path = value["path"]?.string else { return nil }
        self.init(
            path: path, address: value["address"]?.string, isReference: value["reference"]?.bool ?? false)
    }

    var value: JSONValue {
        ["path": .string(path), "address": .text(address), "reference": .bool(isReference)]
    }
}

extension ArtifactRecord {
    /// The files that are links to others: weights only, whatever a record says.
    var references: Set<String> {
        Set(external.filter { $0.isReference && IncompleteMarker.mayBeLeftOut($0.path) }.map(\.path))
    }

    /// Where a file can be had, if it came from elsewhere.
    func address(of path: String) -> String? { external.first { $0.path == path }?.address }
}

extension StageContext {
    /// Makes a file of a cache a file of the artifact, without a second copy of large ones.
    ///
    /// Where the file system can, it becomes a file of its own that shares the blocks until one of them is changed; else, on
    /// one file system, it gets a second name (a hard link). Neither removing the cache nor removing the artifact takes it
    /// from the other. Otherwise weights become a symbolic link, and other files are copied.
    ///
    /// - Parameters:
    ///   - file: A plain file that nobody writes to.
    ///   - path: Its place in the artifact.
    ///   - address: Where it can be had, for those who get the artifact without its weights.
    /// - Throws: `FileError`.
    public func adopt(_ file: FilePath, as path: String, address: String?) throws {
        let (folder, place) = (try Folder(output), FilePath(path))
        let above = place.removingLastComponent()
        if !above.isEmpty { try folder.makeFolder(above) }
        var isReference = false
        if try !folder.clone(file, to: place), try !folder.hardLink(file, to: place) {
            if IncompleteMarker.mayBeLeftOut(path) {
                isReference = true
                try folder.symbolicLink(to: FileSystem.absolute(file), at: place)
            } else {
                try folder.copy(file, to: place)
            }
        }
        let entry = ExternalFile(path: path, address: address, isReference: isReference)
        adopted.withLock { $0.append(entry) }
    }

    /// What was taken over so far.
    var adoptedFiles: [ExternalFile] { adopted.withLock { $0 } }
}
