package import Files
import JSON
import Synchronization
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The right to make one artifact, held by at most one process.
///
/// On a disk of this machine the kernel gives the lock back when its holder dies, whatever kills it; so there are no
/// stale locks, and no guessing from process ids, which are reused and mean nothing on another machine or in another
/// container. On a file system that machines share it is a ``Lease``, which runs out when its holder dies.
/// The holder's id is written into the file all the same, for those who wait to read, and removed with the lock; where
/// it still stands in a lock that is free, its process ended in the middle.
///
/// The lock belongs to the opened file, not to the process, so that it also holds between the stages of one process.
package final class ArtifactLock: Sendable {
    private enum Backing: Sendable {
        case file(FileDescriptor)
        case lease(Lease)
    }

    private let backing: Backing
    private let isReleased = Mutex(false)
    /// Who held it and didn't give it back.
    package let deadOwner: String?

    private init(_ file: FileDescriptor, deadOwner: String?) {
        backing = .file(file)
        self.deadOwner = deadOwner
    }

    private init(_ lease: Lease) {
        backing = .lease(lease)
        deadOwner = lease.deadOwner
    }

    deinit { release() }

    /// Takes the lock if it is free; nil when another stage or process holds it.
    ///
    /// The file of a free lock may be removed by one who holds it: that one is taken for another file then, and the
    /// attempt made again with the file that is there.
    package static func attempt(_ store: Store, _ fingerprint: String) throws(FileError) -> ArtifactLock? {
        guard store.locks == .flock else { return try attemptLease(store, fingerprint) }
        let path = store.lockFile(fingerprint)
        let folder = try store.makeLocks()
        while true {
            let file = try LockFile.open(path.lastComponent, in: folder)
            guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
                let reason = Errno(rawValue: errno)
                try? file.close()
                if reason == .wouldBlock || reason == .interrupted { return nil }
                throw FileError("lock", path, reason)
            }
            guard LockFile.isAt(path.lastComponent, in: folder, file) else {
                try? file.close()
                continue
            }
            let lock = ArtifactLock(file, deadOwner: owner(store, fingerprint))
            lock.sign()
            return lock
        }
    }

    private static func attemptLease(_ store: Store, _ fingerprint: String) throws(FileError) -> ArtifactLock?
    {
        let folder = try store.markLeases()
        guard let lease = try Lease.attempt(folder, fingerprint) else { return nil }
        if lease.deadOwner != nil { try store.detachJournals(fingerprint) }
        return ArtifactLock(lease)
    }

    /// Whether nobody holds a lock; the file stays as it is, and isn't made.
    package static func isFree(_ store: Store, _ fingerprint: String) throws(FileError) -> Bool {
        guard store.locks == .flock else { return try store.isLeaseFree(fingerprint) }
        let name = FilePath("\(fingerprint).lock")
        let file: FileDescriptor
        do {
            guard let found = try store.hidden(.locks)?.openFile(name, .readOnly, "lock") else { return true }
            file = found
        } catch {
            // Who may not write to the store can't tell.
            if error.errno == .permissionDenied { return false }
            throw error
        }
        defer { try? file.close() }
        return flock(file.rawValue, LOCK_SH | LOCK_NB) == 0
    }

    /// Whether another process may have the lock by now: a lease that this one couldn't renew.
    package var isLost: Bool { if case .lease(let lease) = backing { lease.isLost } else { false } }

    /// Makes sure that the lock is still held; what it guards has to follow at once.
    ///
    /// - Throws: `LeaseLost`; `FileError`.
    package func confirm() throws { if case .lease(let lease) = backing { try lease.confirm() } }

    /// Removes the file of a lock that is held, before it is given back.
    package func removeFile(_ store: Store, _ fingerprint: String) throws(FileError) {
        try store.hidden(.locks)?.remove(FilePath("\(fingerprint).lock"))
    }

    /// Who holds a lock, as far as its file tells.
    package static func holder(_ store: Store, _ fingerprint: String) -> String {
        let owner =
            switch store.locks {
            case .flock: owner(store, fingerprint)
            case .lease: (try? store.leaseHolder(fingerprint))?.owner
            }
        return owner ?? "another process"
    }

    private static func owner(_ store: Store, _ fingerprint: String) -> String? {
        (try? store.hidden(.locks)?.read(FilePath("\(fingerprint).lock"), limit: 1 << 16)).flatMap(ownerText)
    }

    /// What the JSON that a holder wrote says of it; nil where it can't be read.
    static func ownerText(_ bytes: [UInt8]) -> String? {
        guard let root = try? JSONDocument(parsing: bytes, name: "lock").root,
            let process = root["process"]?.int,
            let host = root["host"]?.string
        else { return nil }
        let since = root["since"]?.string.map { ", since \($0)" } ?? ""
        return "process \(process) on \(host)\(since)"
    }

    /// Gives the lock back; further calls do nothing.
    package func release() {
        let wasReleased = isReleased.withLock { wasReleased in
            defer { wasReleased = true }
            return wasReleased
        }
        guard !wasReleased else { return }
        guard case .file(let file) = backing else {
            if case .lease(let lease) = backing { lease.release() }
            return
        }
        _ = ftruncate(file.rawValue, 0)
        // A child that another thread is starting holds a copy of the descriptor until its exec, so closing ours
        // would not free the lock at once.
        _ = flock(file.rawValue, LOCK_UN)
        try? file.close()
    }

    private func sign() {
        guard case .file(let file) = backing else { return }
        let owner: JSONValue = [
            "process": .integer(Int(getpid())), "host": .string(Machine.hostName),
            "boot": .string(Machine.bootID),
            "since": .string(Timestamp.now().text),
        ]
        // Who holds the lock is a courtesy to those who wait; on a full disk the lock holds without it.
        guard let bytes = try? owner.compactBytes() else { return }
        _ = ftruncate(file.rawValue, 0)
        _ = try? file.writeAll(toAbsoluteOffset: 0, bytes)
    }
}
