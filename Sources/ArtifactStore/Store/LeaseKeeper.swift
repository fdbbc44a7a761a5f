import Base
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Renews the leases that this process holds, on a thread that is there while there are any.
final class LeaseKeeper: Sendable {
    static let shared = LeaseKeeper()

    private struct Held: @unchecked Sendable {
        // Written once; reading a weak reference is safe from any thread, and so is what it gives.
        weak var lease: Lease?
    }
    private struct State {
        var leases: [ObjectIdentifier: Held] = [:]
        var isRunning = false
    }
    private let state = Mutex(State())

    func keep(_ lease: Lease) {
        let isRunning = state.withLock { state in
            state.leases[ObjectIdentifier(lease)] = Held(lease: lease)
            defer { state.isRunning = true }
            return state.isRunning
        }
        guard !isRunning else { return }
        do {
            try BlockingThread.start { [self] in work() }
        } catch {
            // Without renewals the lease is lost in time, which whoever holds it finds out.
            state.withLock { $0.isRunning = false }
        }
    }

    func forget(_ lease: Lease) { state.withLock { $0.leases[ObjectIdentifier(lease)] = nil } }

    private func work() {
        while true {
            let leases: [Lease]? = state.withLock { state in
                guard !state.leases.isEmpty else {
                    state.isRunning = false
                    return nil
                }
                return state.leases.values.compactMap(\.lease)
            }
            guard let leases else { return }
            for lease in leases { lease.renew() }
            let shortest = leases.map(\.expiry).min() ?? Lease.standardExpiry
            usleep(UInt32(min(1, shortest / 48) * 1_000_000))
        }
    }
}
