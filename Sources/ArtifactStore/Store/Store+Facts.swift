import Files
import JSON
import Recipes
import SystemPackage

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
    /// - Returns: A phrase that names the file; nil when all are as its record says.
    /// - Throws: `FileError`, `Interrupted`.
    package func change(in artifact: Artifact, cancellation: Cancellation = .never) throws -> String? {
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
        if let current, let bytes = try? current.prettyBytes() {
            writeNote(bytes, for: artifact.record.fingerprint, in: .facts)
        }
        return nil
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
