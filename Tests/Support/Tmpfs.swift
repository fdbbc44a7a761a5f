public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file system of a given size in memory, which only root can mount; it goes with the value.
public final class Tmpfs: Sendable {
    /// Why tests that need one are left out.
    public static let isAvailable = Tmpfs(kibibytes: 64) != nil

    private let folder: ScratchFolder
    /// Where it is mounted.
    public var path: FilePath { folder.path }

    /// Mounts one.
    ///
    /// - Parameter inodes: How many files and folders it has room for; as many as its size allows when nil.
    public init?(kibibytes: Int, inodes: Int? = nil) {
        guard let folder = try? ScratchFolder() else { return nil }
        self.folder = folder
        let options = "size=\(kibibytes)k" + (inodes.map { ",nr_inodes=\($0)" } ?? "")
        guard mount("tmpfs", folder.path.string, "tmpfs", 0, options) == 0 else { return nil }
    }

    /// A refused change of the file system.
    public struct Refusal: Error {}

    /// Gives it another size, with room for many files.
    public func resize(kibibytes: Int) throws(Refusal) {
        try change(UInt(MS_REMOUNT), "size=\(kibibytes)k,nr_inodes=10000")
    }

    /// Nothing can be written any more.
    public func makeReadOnly() throws(Refusal) { try change(UInt(MS_REMOUNT) | UInt(MS_RDONLY), "") }

    private func change(_ flags: UInt, _ options: String) throws(Refusal) {
        guard mount("tmpfs", path.string, "tmpfs", flags, options) == 0 else { throw Refusal() }
    }

    deinit { umount2(path.string, Int32(MNT_DETACH)) }
}
