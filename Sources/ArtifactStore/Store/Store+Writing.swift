internal import Base
package import Files
import JSON
package import SystemPackage

extension Store {
    /// A fresh folder for an artifact that is being made.
    ///
    /// Call it with the artifact's lock held: what earlier holders of the lock left behind is removed.
    package func makeTemporaryFolder(for fingerprint: String) throws(FileError) -> FilePath {
        try removeTemporaryFolders(for: fingerprint)
        let suffix = String(UInt32.random(in: 0 ... .max), radix: 16)
        let folder = temporaryFolder.appending("\(fingerprint).\(suffix)")
        try FileSystem.createDirectory(folder)
        return folder
    }

    private func removeTemporaryFolders(for fingerprint: String) throws(FileError) {
        guard FileSystem.exists(temporaryFolder) else { return }
        for name in try FileSystem.list(temporaryFolder) where name.byteText.hasPrefix("\(fingerprint).") {
            try FileSystem.remove(temporaryFolder.appending(name))
        }
    }

    /// Does what the maker of a whole artifact does last, where it was killed before: notes the place, and removes
    /// journals, checkpoints and temporary folders, which nobody needs any more.
    package func tidy(after artifact: Artifact) {
        let fingerprint = artifact.record.fingerprint
        // Who makes it again holds the lock. A store that can't be written is left as it is.
        guard FileSystem.exists(workFolder(fingerprint)),
            let lock = try? ArtifactLock.attempt(self, fingerprint)
        else { return }
        noteLocation(of: fingerprint, artifact.folder)
        try? removeTemporaryFolders(for: fingerprint)
        try? FileSystem.remove(workFolder(fingerprint))
        lock.release()
    }

    /// Hashes and flushes all files in `folder`, in order of their paths.
    ///
    /// - Parameter references: Links that may be there; they stand for what they lead to.
    /// - Throws: `FileError`; `StoreError` for a link or a device, which would make the artifact depend on what
    ///   lies elsewhere.
    package func seal(_ folder: FilePath, references: Set<String> = []) throws -> [ArtifactRecord.File] {
        var files: [ArtifactRecord.File] = []
        func visit(_ relative: String) throws {
            let path = relative.isEmpty ? folder : folder.pushing(FilePath(relative))
            for name in try FileSystem.list(path) {
                let child = relative.isEmpty ? name : "\(relative)/\(name)"
                let full = path.appending(name)
                guard let status = try FileSystem.status(full, followingLinks: references.contains(child))
                else {
                    continue
                }
                switch status.kind {
                case .folder: try visit(child)
                case .file:
                    try FileSystem.synchronize(full)
                    files.append(.init(path: child, size: status.size, sha256: try SHA256.hex(ofFile: full)))
                case .link, .other:
                    throw StoreError(
                        description:
                            "\(full) is a link or a device; an artifact may only hold plain files and folders."
                    )
                }
            }
            try FileSystem.synchronize(path)
        }
        try visit("")
        return files
    }

    /// Puts a sealed folder in the artifact's place; what stands there is moved out of the way first.
    ///
    /// Readers see the old state or the whole new artifact. After a kill in between, the place may be empty.
    package func publish(_ temporary: FilePath, record: ArtifactRecord, at folder: FilePath) throws {
        let bytes = try record.value.prettyBytes()
        try FileSystem.writeAtomically(bytes, to: temporary.appending(ArtifactRecord.fileName))
        let parent = folder.removingLastComponent()
        try FileSystem.createDirectory(parent)
        var old: FilePath?
        if try FileSystem.status(folder, followingLinks: false) != nil {
            let path = temporary.removingLastComponent().appending(
                "\(temporary.lastComponent?.string ?? "").old")
            try FileSystem.rename(folder, to: path)
            old = path
        }
        try FileSystem.rename(temporary, to: folder)
        try FileSystem.synchronize(parent)
        if let old { try FileSystem.remove(old) }
    }

    /// Moves what isn't an artifact from an artifact's place to `.damaged`, and says where to.
    package func setAside(_ folder: FilePath) throws(FileError) -> FilePath {
        try FileSystem.createDirectory(damagedFolder)
        let name = folder.lastComponent?.string ?? "artifact"
        var target = damagedFolder.appending("\(name).\(Timestamp.now().compact)")
        if FileSystem.exists(target) {
            target = damagedFolder.appending(
                "\(target.lastComponent?.string ?? "")-\(UInt32.random(in: 0 ... .max))")
        }
        try FileSystem.rename(folder, to: target)
        return target
    }

    /// Removes temporary folders whose makers are gone: nobody holds the locks of their artifacts.
    package func sweepTemporaryFolders() {
        // Tidying up never stops a run: what can't be removed now is left for the next time.
        for name in (try? FileSystem.list(temporaryFolder)) ?? [] {
            guard let (owner, _) = name.byteText.cut(at: "."),
                let lock = try? ArtifactLock.attempt(self, owner.text)
            else { continue }
            try? FileSystem.remove(temporaryFolder.appending(name))
            lock.release()
        }
    }
}
