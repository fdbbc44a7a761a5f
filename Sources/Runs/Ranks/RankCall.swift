import Dispatch
import Synchronization

/// A question to a rank that is under way.
package final class RankCall: Sendable {
    package let rank: Int
    /// When it was sent.
    package let start = ContinuousClock.now
    let holdsThread: Bool
    private let completion: (@Sendable (RankCall) -> Void)?
    private let outcome = Mutex<(result: Result<FrameReader, any Error>, time: ContinuousClock.Instant)?>(nil)
    private let arrived = DispatchSemaphore(value: 0)

    package init(rank: Int, holdsThread: Bool, completion: (@Sendable (RankCall) -> Void)?) {
        self.rank = rank
        self.holdsThread = holdsThread
        self.completion = completion
    }

    /// The answer, or ``RankLost`` or ``RankFailure``; nil while there is none.
    package var result: Result<FrameReader, any Error>? { outcome.withLock { $0?.result } }

    /// When the answer came.
    package var end: ContinuousClock.Instant? { outcome.withLock { $0?.time } }

    /// Waits for the answer no longer than that; nil when none came.
    ///
    /// A call is never waited for without a bound: a rank that isn't heard of is lost, and its calls with it, but one
    /// that computes without an end is still heard of.
    package func wait(_ duration: Duration) -> Result<FrameReader, any Error>? {
        let (seconds, rest) = duration.components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(rest / 1_000_000_000)
        if result == nil, arrived.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success {
            arrived.signal()
        }
        return result
    }

    func complete(_ result: Result<FrameReader, any Error>) {
        outcome.withLock { $0 = $0 ?? (result, .now) }
        arrived.signal()
        completion?(self)
    }
}
