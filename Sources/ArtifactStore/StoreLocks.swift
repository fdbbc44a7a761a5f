internal import Base
package import Files
import JSON
import Synchronization
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How processes agree on who makes an artifact of a store.
package enum StoreLocks: String, Sendable, CaseIterable {
    /// By flock: the kernel gives a lock back when its holder ends. For disks of this machine.
    case flock
    /// By leases, which need nothing but exclusive creation of names: for file systems that several machines share,
    /// where flock may hold on one machine only, or not at all.
    case lease

    /// What to use for a store.
    ///
    /// A store that was used with leases once keeps them, whatever is asked for: two ways at once would keep nothing
    /// apart. Else it is what the environment variable `D3LLM_STORE_LOCKS` says, else what suits the file system.
    static func suited(for root: FilePath, asked: StoreLocks?) -> StoreLocks {
        if FileSystem.exists(marker(root)) { return .lease }
        if let asked = asked ?? environment { return asked }
        var folder = root
        while !FileSystem.exists(folder.isEmpty ? "." : folder), !folder.isEmpty {
            guard folder.removeLastComponent() else { break }
        }
        return isShared(folder.isEmpty ? "." : folder) ? .lease : .flock
    }

    /// What the environment asks for; nil for nothing, and for what isn't one of the names.
    private static var environment: StoreLocks? {
        getenv("D3LLM_STORE_LOCKS").flatMap { StoreLocks(rawValue: String(cString: $0)) }
    }

    /// The file that says that a store is used with leases.
    package static func marker(_ root: FilePath) -> FilePath {
        root.appending(".locks").appending(markerName)
    }
    package static let markerName = "leases"

    /// Whether a folder lies on a file system that other machines may write to as well.
    static func isShared(_ folder: FilePath) -> Bool {
        guard let kind = kind(of: folder) else { return false }
        return kind.byteText.hasPrefix("fuse.") || sharedKinds.contains(kind)
    }

    /// What Linux calls the kinds of file systems that machines share.
    private static let sharedKinds: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "beegfs", "ceph", "afs", "9p", "pvfs2", "glusterfs",
        "panfs", "wekafs", "fuse",
    ]

    /// The kind of the file system that a folder is on, from the kernel's list of mounts; nil where it isn't there.
    package static func kind(of folder: FilePath) -> String? {
        var facts = stat()
        guard folder.withPlatformString({ stat($0, &facts) }) == 0,
            let mounts = try? FileSystem.readText("/proc/self/mountinfo")
        else { return nil }
        let device = UInt64(facts.st_dev)
        let major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
        let minor = device & 0xFF | (device >> 12) & ~0xFF & 0xFFFF_FFFF
        for line in mounts.byteText.split("\n").map(\.text) {
            let fields = line.byteText.split(" ").map(\.text)
            guard fields.count > 3, fields[2] == "\(major):\(minor)",
                let dash = fields.firstIndex(of: "-"),  // not text: an array of fields
                dash + 1 < fields.count
            else { continue }
            return String(fields[dash + 1])
        }
        return nil
    }
}

/// Files that processes lock by `flock`.
///
/// Whoever can open a file can lock it, so that those who may only read a store could keep others from writing to it.
/// These files can be opened by those who may write to the store, and by nobody else.
enum LockFile {
    /// Opens a lock's file, and makes it where it isn't there.
    ///
    /// - Throws: `FileError`, also where a link stands there, or a file that has another name too.
    static func open(_ name: FilePath.Component?, in folder: Folder) throws(FileError) -> FileDescriptor {
        guard let name, name.kind == .regular else {
            throw FileError("lock", folder.path, .invalidArgument)
        }
        let (place, mode) = (FilePath(root: nil, components: name), try Self.mode(in: folder))
        let file = try folder.openFile(
            place, .readWrite, options: .create, permissions: FilePermissions(rawValue: mode), "lock")
        guard let file else { throw FileError("lock", folder.path.pushing(place), .noSuchFileOrDirectory) }
        var facts = stat()
        guard fstat(file.rawValue, &facts) == 0, facts.st_nlink <= 1 else {
            try? file.close()
            // Who holds a lock is written into its file.
            throw FileError(
                "lock", folder.path.pushing(place), .invalidArgument,
                "the file has another name elsewhere, so that it isn't one of this program. Look at it, and remove it"
            )
        }
        // Earlier versions made files that others may read; only the owner can change that.
        if facts.st_mode & 0o777 != mode, facts.st_uid == geteuid() { _ = fchmod(file.rawValue, mode) }
        return file
    }

    /// Whether the opened file is the one that has this name now.
    static func isAt(_ name: FilePath.Component?, in folder: Folder, _ file: FileDescriptor) -> Bool {
        guard let name else { return false }
        return folder.holds(FilePath(root: nil, components: name), file)
    }

    /// For the owner, and for the others who may write to the folder.
    private static func mode(in folder: Folder) throws(FileError) -> mode_t {
        let writers = try folder.permissions() & 0o022
        return 0o600 | writers | writers << 1
    }

    /// Who holds the lock of an open file, from the kernel's list: "process 12 (python3)"; nil where it doesn't tell.
    static func holder(of file: FileDescriptor) -> String? {
        var facts = stat()
        guard fstat(file.rawValue, &facts) == 0, let list = try? FileSystem.readText("/proc/locks") else {
            return nil
        }
        for line in list.utf8.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard fields.count > 5, fields[1] == "FLOCK",
                fields[5].utf8.split(separator: UInt8(ascii: ":")).last.map({
                    String(decoding: $0, as: UTF8.self)
                })
                    == "\(facts.st_ino)",
                let process = Int(fields[4]), process > 0, process != Int(getpid())
            else { continue }
            let name = (try? FileSystem.read(FilePath("/proc/\(process)/comm")))?.filter {
                $0 >= 0x20 && $0 < 0x7F
            }
            let text = name.map { " (\(String(decoding: $0, as: UTF8.self)))" } ?? ""
            return "process \(process)\(text)"
        }
        return nil
    }
}

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
