internal import Base
package import Files
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Store {
    /// Notes that this store is used with leases, so that nobody uses it otherwise; gives the folder that they are in.
    @discardableResult
    func markLeases() throws(FileError) -> Folder {
        let (folder, marker) = (try makeHidden(.locks), FilePath(StoreLocks.markerName))
        guard try folder.status(marker) == nil else { return folder }
        try folder.writeAtomically(
            "Processes agree by leases on who makes what in this store.\n".utf8, to: marker)
        return folder
    }

    /// Who holds a lease of this store, or held it last; nil when it is free.
    func leaseHolder(_ name: String) throws(FileError) -> LeaseFile? {
        guard let folder = try hidden(.locks) else { return nil }
        return try LeaseChain(folder, name).holder
    }

    /// Whether nobody holds a lease of this store, as far as this process has seen.
    func isLeaseFree(_ name: String) throws(FileError) -> Bool {
        guard let folder = try hidden(.locks) else { return true }
        return try Lease.isFree(folder, name)
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
            guard try folder.status(place)?.kind == .file,
                let bytes = try folder.read(place, limit: FileLimit.data)
            else {
                continue
            }
            try folder.writeAtomically(bytes, to: place)
        }
    }

    /// Tidies up after processes that ended, or lost their lease, when artifacts were whole already.
    ///
    /// A lease that was never given back is known to have run out only when nobody renewed it for as long as it says; for
    /// that it waits. Who renews it is at work, and tidies up itself.
    ///
    /// - Parameter tell: Is told whom it waits for.
    package func tidyUp(after artifacts: [Artifact], cancellation: Cancellation, tell: (String) -> Void) {
        func holder(_ artifact: Artifact) -> LeaseFile? {
            try? leaseHolder(artifact.record.fingerprint)
        }
        var left = artifacts.filter { !tidy(after: $0) }
        guard locks == .lease, !left.isEmpty else { return }
        let first = Dictionary(
            left.map { ($0.record.fingerprint, holder($0)) }, uniquingKeysWith: { first, _ in first })
        for owner in Set(first.values.compactMap { $0?.owner }).sorted() {
            tell("tidying up after \(owner), once its lease has run out")
        }
        while !left.isEmpty, !cancellation.isCancelled {
            usleep(100_000)
            left.removeAll { artifact in
                let seen = first[artifact.record.fingerprint] ?? nil
                return tidy(after: artifact) || holder(artifact) != seen
            }
        }
    }

    /// Waits until it is known of each lease in the store whether somebody still renews it; at most as long as the
    /// longest of them runs.
    package func settleLeases() throws(FileError) {
        guard locks == .lease, let folder = try hidden(.locks) else { return }
        var open: [String: LeaseFile] = [:]
        for name in try folder.names() {
            guard let lease = name.validText?.byteText.dropping(suffix: ".lease")?.text else { continue }
            open[lease] = try leaseHolder(lease)
        }
        while !open.isEmpty {
            for (name, first) in open {
                let isFree = try isLeaseFree(name)
                let holder = try leaseHolder(name)
                if isFree || holder != first { open[name] = nil }
            }
            if !open.isEmpty { usleep(200_000) }
        }
    }
}
