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
/// it takes to see that no run wants one and to rename it. It is a lock on the store's folder itself, so that a store
/// that can't be written needs no file for it; the kernel gives it back when its holder ends.
///
/// Where processes use leases, it is one named `gate`: who wants to hold it together with others takes it for the moment
/// in which it makes a lease of its own, `gate-…`; who wants it alone keeps it and waits until none of those is left. A
/// store that can't be written has no gate then.
package final class StoreGate: Sendable {
    private enum Backing: Sendable {
        case none
        case folder(FileDescriptor)
        case lease(Lease)
    }
    private let backing: Backing

    package static let name = "gate"

    /// Waits for the gate; without a store there is none.
    package init(_ store: Store, alone: Bool = false) {
        if store.locks == .lease {
            backing = Self.lease(store, alone: alone).map(Backing.lease) ?? .none
            return
        }
        guard
            let folder = try? FileDescriptor.open(store.root, .readOnly, options: [.directory, .closeOnExec])
        else {
            backing = .none
            return
        }
        backing = .folder(folder)
        while flock(folder.rawValue, alone ? LOCK_EX : LOCK_SH) != 0, errno == EINTR {}
    }

    private static func lease(_ store: Store, alone: Bool) -> Lease? {
        guard FileSystem.exists(store.root) else { return nil }
        do {
            try store.markLeases()
            while true {
                guard let gate = try Lease.attempt(store.locksFolder, name) else {
                    usleep(50_000)
                    continue
                }
                if alone {
                    while try !others(store).isEmpty { usleep(50_000) }
                    return gate
                }
                defer { gate.release() }
                let own = "\(name)-\(String(UInt64.random(in: 0 ... .max), radix: 16))"
                return try Lease.attempt(store.locksFolder, own)
            }
        } catch {
            return nil
        }
    }

    /// Those that hold the gate together; what the dead left is removed.
    private static func others(_ store: Store) throws(FileError) -> [String] {
        var others: [String] = []
        for file in try FileSystem.list(store.locksFolder)
        where file.byteText.hasPrefix("\(name)-") && file.byteText.hasSuffix(".lease") {
            let lease = file.byteText.dropping(suffix: ".lease")?.text ?? file
            if try Lease.isFree(store.locksFolder, lease) {
                try FileSystem.remove(store.locksFolder.appending(file))
            } else {
                others.append(lease)
            }
        }
        return others
    }

    deinit {
        switch backing {
        case .none: break
        case .lease(let lease): lease.release()
        case .folder(let folder):
            // A child that another thread is starting may hold a copy of the descriptor.
            _ = flock(folder.rawValue, LOCK_UN)
            try? folder.close()
        }
    }
}
