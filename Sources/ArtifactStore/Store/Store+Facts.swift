import Files
import JSON
import Recipes
package import SystemPackage

/// What the system said of an artifact's files when they were last known to be those of its record.
///
/// Hashing gigabytes before each use would take longer than most stages. A file whose inode, size and times are still
/// those that were noted is the file that was hashed; any other is hashed again. The notes lie in `.facts`, not in the
/// artifact: they are of this copy on this disk.
extension Store {
    private static let factsFormat = 1

    /// Notes the facts of an artifact whose files are known to be those of its record.
    ///
    /// One that can't be written costs hashing the files again.
    package func noteFacts(of artifact: Artifact) {
        guard let value = try? facts(of: artifact), let bytes = try? value.prettyBytes() else { return }
        writeNote(bytes, for: artifact.record.fingerprint, in: .facts)
    }

    /// What is wrong with the files of an artifact: those that may have changed since are hashed again.
    ///
    /// - Parameter isNoted: Whether what was hashed is noted for the next time, which writes to the store.
    /// - Returns: A phrase that names the file; nil when all are as its record says.
    /// - Throws: `FileError`, `Interrupted`.
    package func change(
        in artifact: Artifact, cancellation: Cancellation = .never, isNoted: Bool = true
    ) throws -> String? {
        let current = try? facts(of: artifact)
        if let current, noted(artifact.record.fingerprint) == current { return nil }
        for file in artifact.record.files {
            if cancellation.isCancelled { throw Interrupted() }
            let found = try SHA256.hex(ofFile: artifact.folder.pushing(FilePath(file.path)))
            guard found == file.sha256 else {
                return
                    "its file \(file.path) has changed: its SHA-256 is \(found.prefix(12))… instead of \(file.sha256.prefix(12))…"
            }
        }
        // Facts of before the hashing: a change in between shows the next time.
        if isNoted, let current, let bytes = try? current.prettyBytes() {
            writeNote(bytes, for: artifact.record.fingerprint, in: .facts)
        }
        return nil
    }

    /// Makes sure that a folder that is going to be used has the files of its record, if it is an artifact.
    ///
    /// Files that changed since a run looked at them are hashed, and so are those outside of this store; nothing is written.
    /// A folder without a record that can be read is a checkpoint from elsewhere.
    /// - Throws: `StoreError` that names the file; `FileError`.
    package func checkUnchanged(_ folder: FilePath) throws {
        guard let bytes = try? FileSystem.read(folder.appending(ArtifactRecord.fileName)),
            let record = try? ArtifactRecord(parsing: bytes), record.files.allSatisfy(\.isInside)
        else { return }
        let artifact = Artifact(folder: folder, record: record)
        guard let change = try change(in: artifact, isNoted: false) else { return }
        throw StoreError(
            description:
                "\(folder) isn't what its record says: \(change). Run its experiment again, which makes it anew."
        )
    }

    private func noted(_ fingerprint: String) -> JSONValue? {
        guard Recipe.isFingerprint(fingerprint),
            let bytes = try? hidden(.facts)?.read(FilePath(fingerprint), limit: 1 << 26),
            let root = try? JSONDocument(parsing: bytes, name: "facts").root
        else { return nil }
        return JSONValue(root)
    }

    private func facts(of artifact: Artifact) throws(FileError) -> JSONValue {
        var files: [JSONValue] = []
        for file in artifact.record.files {
            let facts = try FileSystem.facts(artifact.folder.pushing(FilePath(file.path)))
            files.append([
                "path": .string(file.path), "size": .integer(facts.size), "inode": .string("\(facts.inode)"),
                "modified": .string(facts.modified), "changed": .string(facts.changed),
            ])
        }
        return [
            "format": .integer(Self.factsFormat), "content": .text(artifact.record.content),
            "files": .array(files),
        ]
    }
}
