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
        let folder = try makeHidden(.temporary)
        while true {
            let name = "\(fingerprint).\(String(UInt32.random(in: 0 ... .max), radix: 16))"
            if try folder.makeNewFolder(FilePath(name)) { return temporaryFolder.appending(name) }
        }
    }

    private func removeTemporaryFolders(for fingerprint: String) throws(FileError) {
        guard let folder = try hidden(.temporary) else { return }
        for name in try folder.names() {
            guard let text = name.validText, StoreName.owner(ofTemporary: text) == fingerprint else {
                continue
            }
            try Self.removeTemporary(name, in: folder)
        }
    }

    /// All that the program makes there is folders; what is none, it didn't make.
    private static func removeTemporary(_ name: FilePath.Component, in folder: Folder) throws(FileError) {
        let place = FilePath(root: nil, components: name)
        guard try folder.status(place)?.kind == .folder else { return }
        try folder.remove(place)
    }

    /// Does what the maker of a whole artifact does last, where it was killed before: notes the place, and removes
    /// journals, checkpoints and temporary folders, which nobody needs any more.
    ///
    /// - Returns: Whether nothing is left to do; false where somebody has the lock, or had it and didn't give it back.
    @discardableResult
    package func tidy(after artifact: Artifact) -> Bool {
        let fingerprint = artifact.record.fingerprint
        guard hasLeftovers(fingerprint) else { return true }
        do {
            // Who makes it again holds the lock.
            guard let lock = try ArtifactLock.attempt(self, fingerprint) else { return false }
            defer { lock.release() }
            tidy(after: artifact, holding: lock)
        } catch {
            // A store that can't be written is left as it is.
        }
        return true
    }

    /// The same for one who holds the lock, after whom or before whom somebody else made the artifact.
    package func tidy(after artifact: Artifact, holding lock: ArtifactLock) {
        let fingerprint = artifact.record.fingerprint
        guard hasLeftovers(fingerprint), !lock.isLost else { return }
        noteLocation(of: fingerprint, artifact.folder)
        try? removeTemporaryFolders(for: fingerprint)
        try? removeWork(fingerprint)
    }

    /// Whether there is work or a temporary folder of an artifact.
    private func hasLeftovers(_ fingerprint: String) -> Bool {
        if FileSystem.exists(workFolder(fingerprint)) { return true }
        let names = (try? hidden(.temporary)?.names()) ?? []
        return names.contains { $0.validText.flatMap(StoreName.owner(ofTemporary:)) == fingerprint }
    }

    /// Removes journals and checkpoints of an artifact; the caller holds its lock.
    package func removeWork(_ fingerprint: String) throws(FileError) {
        try hidden(.work)?.remove(FilePath(fingerprint))
    }

    /// The folder for journals and checkpoints of an artifact; the caller holds its lock.
    ///
    /// Stages write in it by paths. So nothing but plain files and folders may be in it: one that holds a link, a pipe or
    /// a device, which no stage makes, is set aside.
    /// - Returns: The folder; where the earlier one was set aside to, if it was.
    package func makeWork(_ fingerprint: String) throws(FileError) -> (folder: FilePath, setAside: FilePath?)
    {
        let (work, place) = (try makeHidden(.work), FilePath(fingerprint))
        var aside: FilePath?
        let isPlain: Bool
        switch try work.status(place)?.kind {
        case nil: isPlain = true
        case .folder?: isPlain = try work.folder(place)?.isPlain() ?? true
        default: isPlain = false
        }
        if !isPlain { aside = try setAside(workFolder(fingerprint)) }
        try work.makeFolder(place)
        return (workFolder(fingerprint), aside)
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
        let store = try made()
        let (from, to) = (try place(of: temporary), try place(of: folder))
        try store.writeAtomically(bytes, to: from.appending(ArtifactRecord.fileName))
        let parent = try store.makeFolder(to.removingLastComponent())
        var old: FilePath?
        if try store.status(to) != nil {
            let place = FilePath("\(from).old")
            try store.rename(to, to: store, place)
            old = place
        }
        try store.rename(from, to: store, to)
        try parent.synchronize()
        if let old { try store.remove(old) }
    }

    /// Moves what isn't an artifact from an artifact's place to `.damaged`, and says where to.
    package func setAside(_ folder: FilePath) throws(FileError) -> FilePath {
        let damaged = try makeHidden(.damaged)
        let name = folder.lastComponent?.string ?? "artifact"
        var target = "\(name).\(Timestamp.now().compact)"
        if try damaged.status(FilePath(target)) != nil { target += "-\(UInt32.random(in: 0 ... .max))" }
        try made().rename(place(of: folder), to: damaged, FilePath(target))
        return damagedFolder.appending(target)
    }

    /// Removes temporary folders whose makers are gone: nobody holds the locks of their artifacts.
    package func sweepTemporaryFolders() {
        // Tidying up never stops a run: what can't be removed now is left for the next time.
        guard let isOwn = try? isOwn(), isOwn, let folder = try? hidden(.temporary) else { return }
        for name in (try? folder.names()) ?? [] {
            guard let text = name.validText, let owner = StoreName.owner(ofTemporary: text),
                let lock = try? ArtifactLock.attempt(self, owner)
            else { continue }
            try? Self.removeTemporary(name, in: folder)
            lock.release()
        }
    }
}
