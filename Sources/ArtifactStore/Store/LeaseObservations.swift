import Synchronization
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A clock that nothing sets and that goes on while the machine sleeps, in seconds.
enum SteadyClock {
    package static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// What this process has itself seen of leases that others hold.
///
/// No clocks are compared: a lease has run out when this process has seen no change of it for as long as its holder
/// said, on this process's own clock.
final class LeaseObservations: Sendable {
    static let shared = LeaseObservations()

    private struct Sight {
        var lease: LeaseFile
        /// When it was seen like this first, and last.
        var since: Double
        var last: Double
    }
    private let sights = Mutex<[FilePath: Sight]>([:])

    /// Whether it is too early to look again at a lease that hasn't run out; many may wait for one file server.
    func isRecent(_ path: FilePath) -> Bool {
        sights.withLock { sights in
            guard let sight = sights[path] else { return false }
            let now = SteadyClock.now()
            return now - sight.since < sight.lease.expiry
                && now - sight.last < min(1, sight.lease.expiry / 12)
        }
    }

    /// Notes what was seen; true when the lease has run out.
    ///
    /// - Parameter path: The first file of the lease.
    func hasRunOut(_ path: FilePath, _ lease: LeaseFile) -> Bool {
        let now = SteadyClock.now()
        return sights.withLock { sights in
            guard var sight = sights[path], sight.lease == lease else {
                sights[path] = Sight(lease: lease, since: now, last: now)
                return false
            }
            sight.last = now
            sights[path] = sight
            return now - sight.since >= lease.expiry
        }
    }

    /// Forgets a lease that is free.
    func forget(_ path: FilePath) { sights.withLock { $0[path] = nil } }
}
