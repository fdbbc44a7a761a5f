internal import Synchronization

/// What the server is doing and has done.
final class Activity: Sendable {
    struct Counts: Sendable {
        var connections = 0
        var decoding = 0
        var requests = 0
        var completed = 0
        var cancelled = 0
        var rejected = 0
        var tokens = 0
        var forwards = 0
    }

    let start = ContinuousClock.now
    private let counts = Mutex(Counts())

    var snapshot: Counts { counts.withLock { $0 } }

    /// Seconds since the server was made.
    var uptime: Int { Int(start.duration(to: .now).components.seconds) }

    /// Counts a connection, if there are fewer than so many.
    func connect(limit: Int) -> Bool {
        counts.withLock {
            guard $0.connections < limit else { return false }
            $0.connections += 1
            return true
        }
    }

    func disconnect() { counts.withLock { $0.connections -= 1 } }
    func countRequest() { counts.withLock { $0.requests += 1 } }

    /// Runs `body` if fewer than so many responses are being decoded.
    ///
    /// - Throws: `HTTPProblem` 429; what `body` throws.
    func decoding<Result>(slots: Int, _ body: () throws -> Result) throws -> Result {
        let isFree = counts.withLock {
            guard $0.decoding < slots else {
                $0.rejected += 1
                return false
            }
            $0.decoding += 1
            return true
        }
        guard isFree else {
            throw HTTPProblem(
                429, "All \(slots) slots for decoding are taken. Try again in a second.", retryAfter: 1)
        }
        defer { counts.withLock { $0.decoding -= 1 } }
        return try body()
    }

    func countEnd(cancelled: Bool, tokens: Int, forwards: Int) {
        counts.withLock {
            if cancelled { $0.cancelled += 1 } else { $0.completed += 1 }
            $0.tokens += tokens
            $0.forwards += forwards
        }
    }
}
