internal import Base
package import Files
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Store {
    /// Notes that this store is used with leases, so that nobody uses it otherwise.
    func markLeases() throws(FileError) {
        let marker = StoreLocks.marker(root)
        guard !FileSystem.exists(marker) else { return }
        try FileSystem.createDirectory(locksFolder)
        try FileSystem.writeAtomically(
            "Processes agree by leases on who makes what in this store.\n", to: marker)
    }

    /// Puts copies in the place of the journals of an unfinished artifact.
    ///
    /// Who held the lease before may be stopped, not dead. When it goes on, what it appends to the files that it has open
    /// goes nowhere. Checkpoints are replaced whole by their names, so that an older one at worst takes the place of a
    /// newer one.
    func detachJournals(_ fingerprint: String) throws(FileError) {
        let folder = workFolder(fingerprint)
        guard FileSystem.exists(folder) else { return }
        for name in try FileSystem.list(folder) where name.byteText.hasSuffix(".jsonl") {
            let path = folder.appending(name)
            try FileSystem.writeAtomically(try FileSystem.read(path), to: path)
        }
    }

    /// Waits until it is known of each lease in the store whether somebody still renews it; at most as long as the
    /// longest of them runs.
    package func settleLeases() throws(FileError) {
        guard locks == .lease, FileSystem.exists(locksFolder) else { return }
        var open: [String: LeaseFile] = [:]
        for name in try FileSystem.list(locksFolder) where name.byteText.hasSuffix(".lease") {
            let lease = name.byteText.dropping(suffix: ".lease")?.text ?? name
            open[lease] = try LeaseChain(locksFolder, lease).holder
        }
        while !open.isEmpty {
            for (name, first) in open {
                let isFree = try Lease.isFree(locksFolder, name)
                let holder = try LeaseChain(locksFolder, name).holder
                if isFree || holder != first { open[name] = nil }
            }
            if !open.isEmpty { usleep(200_000) }
        }
    }
}
