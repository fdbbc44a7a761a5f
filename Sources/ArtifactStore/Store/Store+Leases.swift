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

    /// Tidies up after processes that ended, or lost their lease, when artifacts were whole already.
    ///
    /// A lease that was never given back is known to have run out only when nobody renewed it for as long as it says; for
    /// that it waits. Who renews it is at work, and tidies up itself.
    ///
    /// - Parameter tell: Is told whom it waits for.
    package func tidyUp(after artifacts: [Artifact], cancellation: Cancellation, tell: (String) -> Void) {
        func holder(_ artifact: Artifact) -> LeaseFile? {
            (try? LeaseChain(locksFolder, artifact.record.fingerprint))?.holder
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
