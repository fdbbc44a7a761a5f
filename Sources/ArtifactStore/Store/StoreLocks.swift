internal import Base
import Files
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
