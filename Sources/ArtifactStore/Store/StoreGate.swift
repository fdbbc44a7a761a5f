internal import Base
import Files
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

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
