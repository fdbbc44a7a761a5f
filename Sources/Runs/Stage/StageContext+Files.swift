package import ArtifactStore
import Files
import JSON
import Synchronization
package import SystemPackage

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
    package func adopt(_ file: FilePath, as path: String, address: String?) throws {
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

extension StageContext {
    /// Writes a journal of the artifact at one go, for records that come too fast or are too many to be kept.
    ///
    /// A stage that is killed writes it again from the beginning.
    /// - Parameters:
    ///   - name: As for ``journal(_:)``.
    ///   - body: Gets what appends a record.
    /// - Throws: `FileError`, `JSONWritingError`, and what the body throws.
    package func writeJournal(_ name: String, _ body: ((JournalRecord) throws -> Void) throws -> Void) throws
    {
        try FileSystem.writeAtomically(to: output.appending("\(name).jsonl")) { sink in
            try sink.append(JournalText.header(fingerprint))
            try body { record in try sink.append(JournalText.lines(of: [record])) }
        }
    }
}
