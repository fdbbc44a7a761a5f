package import Base
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A moment in UTC, to the second.
package struct Timestamp: Sendable {
    package let secondsSince1970: Int

    package init(secondsSince1970 seconds: Int) { secondsSince1970 = seconds }

    /// What the system's clock says; only for records, never for durations.
    package static func now() -> Timestamp { Timestamp(secondsSince1970: time(nil)) }

    /// ISO 8601: `2026-11-21T09:30:00Z`.
    package var text: String {
        let (date, clock) = parts
        return "\(date[0])-\(date[1])-\(date[2])T\(clock[0]):\(clock[1]):\(clock[2])Z"
    }

    /// For names of files: `20261121T093000Z`.
    package var compact: String {
        let (date, clock) = parts
        return date.joined() + "T" + clock.joined() + "Z"
    }

    /// Whether a text has the form of ``compact``.
    static func isCompact(_ text: String) -> Bool {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return text.utf8.map { digits ~= $0 ? UInt8(ascii: "0") : $0 } == Array("00000000T000000Z".utf8)
    }

    private var parts: (date: [String], clock: [String]) {
        var time = time_t(secondsSince1970)
        var fields = tm()
        gmtime_r(&time, &fields)
        func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return (
            [String(fields.tm_year + 1900), padded(fields.tm_mon + 1), padded(fields.tm_mday)],
            [padded(fields.tm_hour), padded(fields.tm_min), padded(fields.tm_sec)]
        )
    }
}

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
