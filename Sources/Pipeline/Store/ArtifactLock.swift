import Files
import JSON
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The right to make one artifact, held by at most one process.
///
/// The kernel gives the lock back when its holder dies, whatever kills it; so there are no stale locks, and no
/// guessing from process ids, which are reused and mean nothing on another machine or in another container.
/// The holder's id is written into the file all the same, for those who wait to read.
final class ArtifactLock {
    private let file: FileDescriptor

    private init(_ file: FileDescriptor) { self.file = file }

    deinit { release() }

    private var isReleased = false

    /// Takes the lock if it is free; nil when another process holds it.
    static func attempt(_ store: Store, _ fingerprint: String) throws(FileError) -> ArtifactLock? {
        let path = store.lockFile(fingerprint)
        try FileSystem.createDirectory(path.removingLastComponent())
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(
                path, .readWrite, options: [.create, .closeOnExec],
                permissions: FilePermissions(rawValue: 0o666))
        } catch {
            throw FileError("lock", path, error as? Errno ?? .ioError)
        }
        guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            let reason = Errno(rawValue: errno)
            try? file.close()
            if reason == .wouldBlock || reason == .interrupted { return nil }
            throw FileError("lock", path, reason)
        }
        let lock = ArtifactLock(file)
        lock.sign()
        return lock
    }

    /// Who holds a lock, as far as its file tells.
    static func holder(_ store: Store, _ fingerprint: String) -> String {
        guard let bytes = try? FileSystem.read(store.lockFile(fingerprint)),
            let root = try? JSONDocument(parsing: bytes, name: "lock").root,
            let process = root["process"]?.int,
            let host = root["host"]?.string
        else { return "another process" }
        return "process \(process) on \(host)"
    }

    /// Gives the lock back; further calls do nothing.
    func release() {
        guard !isReleased else { return }
        isReleased = true
        // A child that another thread is starting holds a copy of the descriptor until its exec, so closing ours
        // would not free the lock at once.
        _ = flock(file.rawValue, LOCK_UN)
        try? file.close()
    }

    private func sign() {
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
