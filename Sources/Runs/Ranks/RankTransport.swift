/// What carries frames between this process and the other ranks of a job.
///
/// Rank 0 runs the experiment; the others answer what it asks, and speak with nobody else. An implementation knows
/// nothing of what frames say, but it knows which ranks are alive: it has something sent from each to each at short
/// intervals, however long a rank computes, and no wait of its own is without a bound.
package protocol RankTransport: Sendable {
    /// How many ranks the job has, this one included.
    var count: Int { get }

    /// Begins to hand on what arrives, on a thread of its own that must not be held up.
    func start(_ receive: @escaping @Sendable (RankEvent) -> Void)

    /// Sends a frame soon, without waiting; frames from one rank to another arrive in their order.
    func send(_ frame: Frame, to rank: Int)

    /// Ends what was begun, within a bounded time.
    ///
    /// - Parameter abandoning: Whether ranks may be left behind that don't answer, so that no agreement of all may be
    ///   waited for.
    func close(abandoning: Bool)
}

/// What a transport has to say.
package enum RankEvent: Sendable {
    case frame(from: Int, Frame)
    /// The rank is gone, or hasn't been heard of for longer than is waited; the reason is the end of a sentence that
    /// begins with the rank.
    case lost(Int, reason: String)
}

/// What the first byte of a frame says that it is; eight bytes with the request's number follow.
enum FrameKind: UInt8 {
    /// From rank 0: the name of a service, and what it is asked.
    case request = 1
    /// To rank 0: what the service answered.
    case answer = 2
    /// To rank 0: why it can't, as a sentence.
    case failure = 3
    /// From rank 0: nothing more will be asked; the number is 1 where ranks are left behind, so that no agreement of
    /// all may be waited for.
    case end = 4
}
