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
        let (folder, marker) = (try makeHidden(.locks), FilePath(StoreLocks.markerName))
        guard try folder.status(marker) == nil else { return }
        try folder.writeAtomically(
            "Processes agree by leases on who makes what in this store.\n".utf8, to: marker)
    }

    /// Puts copies in the place of the journals of an unfinished artifact.
    ///
    /// Who held the lease before may be stopped, not dead. When it goes on, what it appends to the files that it has open
    /// goes nowhere. Checkpoints are replaced whole by their names, so that an older one at worst takes the place of a
    /// newer one.
    func detachJournals(_ fingerprint: String) throws(FileError) {
        guard let folder = try hidden(.work)?.folder(FilePath(fingerprint)) else { return }
        for name in try folder.names() where name.bytes.reversed().starts(with: ".jsonl".utf8.reversed()) {
            let place = FilePath(root: nil, components: name)
            guard try folder.status(place)?.kind == .file, let bytes = try folder.read(place) else {
                continue
            }
            try folder.writeAtomically(bytes, to: place)
        }
    }

    /// Waits until it is known of each lease in the store whether somebody still renews it; at most as long as the
    /// longest of them runs.
    package func settleLeases() throws(FileError) {
        guard locks == .lease, try hidden(.locks) != nil else { return }
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
