internal import Base
package import Files
import JSON
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

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

/// Keeps artifacts from being removed while a run has found them but hasn't said so yet.
///
/// A run says what it uses by its folder, which it makes only when there is something to do. From its first look at
/// the store until then it holds the gate together with others; who removes artifacts holds it alone, for as long as
/// it takes to see that no run wants one and to rename it. The kernel gives it back when its holder ends.
///
/// It is the lock of the file `gate.lock`, which only those can open who may write to the store. Who may not can at
/// most hold the lock of the store's folder: that keeps collectors away, who wait for it before they take the gate, and
/// never a run.
///
/// Where processes use leases, it is one named `gate`: who wants to hold it together with others takes it for the moment
/// in which it makes a lease of its own, `gate-…`; who wants it alone keeps it and waits until none of those is left. A
/// store that can't be written has no gate then.
package final class StoreGate: Sendable {
    private enum Backing: Sendable {
        case files([FileDescriptor])
        case lease(Lease)
    }
    private let backing: Backing

    package static let name = "gate"
    static let file = FilePath("gate.lock")

    /// How to wait for others.
    package struct Waiting: Sendable {
        var cancellation: Cancellation = .never
        /// Called once, when it has taken a second, with whom or what is waited for.
        var tell: @Sendable (String) -> Void = { _ in }

        package init(
            cancellation: Cancellation = .never, tell: @escaping @Sendable (String) -> Void = { _ in }
        ) {
            self.cancellation = cancellation
            self.tell = tell
        }
    }

    /// Waits for the gate; without a store there is none.
    ///
    /// - Throws: `Interrupted` when it was told to stop while it waited.
    package init(_ store: Store, alone: Bool = false, _ waiting: Waiting = Waiting()) throws(Interrupted) {
        if store.locks == .lease {
            backing = try Self.lease(store, alone: alone, waiting).map(Backing.lease) ?? .files([])
            return
        }
        var files: [FileDescriptor] = []
        let own = Self.ownFile(store)
        if alone || own == nil, let folder = Self.folder(store) {
            files.append(folder)
            do {
                try Self.lock(
                    folder, alone: alone, "the lock of the folder \(store.root)",
                    // What those do who may not write must not depend on others who may not.
                    isOnce: !alone, waiting)
            } catch {
                Self.close(files + [own].compactMap(\.self))
                throw error
            }
        }
        if let own {
            files.append(own)
            do {
                try Self.lock(own, alone: alone, "the store \(store.root)", isOnce: false, waiting)
            } catch {
                Self.close(files)
                throw error
            }
        }
        backing = .files(files)
    }

    /// The file of the gate; nil where there is no store, or one that can't be written.
    private static func ownFile(_ store: Store) -> FileDescriptor? {
        guard let folder = try? store.opened(),
            (try? folder.status(HiddenFolder.locks.place))?.kind == .folder,
            let locks = try? store.hidden(.locks)
        else { return nil }
        return try? LockFile.open(file.lastComponent, in: locks)
    }

    private static func folder(_ store: Store) -> FileDescriptor? {
        try? FileDescriptor.open(store.root, .readOnly, options: [.directory, .closeOnExec])
    }

    private static func lock(
        _ file: FileDescriptor, alone: Bool, _ what: String, isOnce: Bool, _ waiting: Waiting
    ) throws(Interrupted) {
        let clock = ContinuousClock.now
        var hasTold = false
        while flock(file.rawValue, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 {
            guard [EWOULDBLOCK, EINTR].contains(errno), !isOnce else { return }
            if waiting.cancellation.isCancelled { throw Interrupted() }
            if !hasTold, clock.duration(to: .now) >= .seconds(1) {
                hasTold = true
                let holder = LockFile.holder(of: file) ?? "another process"
                waiting.tell("waiting for \(holder), which holds \(what)")
            }
            usleep(20_000)
        }
    }

    private static func close(_ files: [FileDescriptor]) {
        for file in files.reversed() {
            // A child that another thread is starting may hold a copy of the descriptor.
            _ = flock(file.rawValue, LOCK_UN)
            try? file.close()
        }
    }

    /// Whether a file of `.locks` belongs to the gate.
    package static func isGate(_ name: String) -> Bool {
        let parts = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard let first = parts.first, parts.count > 1, let end = parts.last,
            ["lock", "lease", "next", "claim"].contains(end)
        else { return false }
        guard first != Self.name else { return true }
        return first.utf8.starts(with: "\(Self.name)-".utf8)
            && first.utf8.dropFirst(5).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func lease(_ store: Store, alone: Bool, _ waiting: Waiting) throws(Interrupted) -> Lease? {
        guard FileSystem.exists(store.root) else { return nil }
        do {
            let folder = try store.markLeases()
            while true {
                if waiting.cancellation.isCancelled { throw Interrupted() }
                guard let gate = try Lease.attempt(folder, name) else {
                    usleep(50_000)
                    continue
                }
                if alone {
                    while try !others(store).isEmpty {
                        if waiting.cancellation.isCancelled {
                            gate.release()
                            throw Interrupted()
                        }
                        usleep(50_000)
                    }
                    return gate
                }
                defer { gate.release() }
                let own = "\(name)-\(String(UInt64.random(in: 0 ... .max), radix: 16))"
                return try Lease.attempt(folder, own)
            }
        } catch let stop as Interrupted {
            throw stop
        } catch {
            return nil
        }
    }

    /// Those that hold the gate together; what the dead left is removed.
    private static func others(_ store: Store) throws(FileError) -> [String] {
        var others: [String] = []
        guard let folder = try store.hidden(.locks) else { return [] }
        for file in try folder.names() {
            guard let lease = file.validText?.byteText.dropping(suffix: ".lease"), lease.hasPrefix("\(name)-")
            else { continue }
            if try Lease.isFree(folder, lease.text) {
                try folder.remove(FilePath(root: nil, components: file))
            } else {
                others.append(lease.text)
            }
        }
        return others
    }

    deinit {
        switch backing {
        case .lease(let lease): lease.release()
        case .files(let files): Self.close(files)
        }
    }
}
