package import Base
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Whether work should stop at the next safe point.
package struct Cancellation: Sendable {
    private let check: @Sendable () -> Bool

    /// Asks `check`, which should be cheap: stages ask often.
    package init(_ check: @escaping @Sendable () -> Bool) { self.check = check }

    /// Whether to stop.
    package var isCancelled: Bool { check() }

    /// Never stops.
    package static let never = Cancellation { false }

    /// Stops after Ctrl-C (SIGINT) or SIGTERM; a second one ends the process at once, as it always did.
    package static func onSignals() -> Cancellation {
        // The handler may only touch what exists already: a global is created on first use.
        signalled.store(false, ordering: .relaxed)
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                signalled.store(true, ordering: .relaxed)
                signal(number, SIG_DFL)
            }
        }
        return Cancellation { signalled.load(ordering: .relaxed) }
    }
}

private let signalled = Atomic<Bool>(false)

/// What a stage throws when it stops because it was asked to.
package struct Interrupted: Failure, Sendable, Hashable {

    package init() {
    }
    package var failureKind: FailureKind { .interruption }

    package var description: String { "Interrupted." }
}
