import Dispatch
import Ranks
import Synchronization

/// The ranks of a job as threads of this process, with a network in between that does what a test wants.
///
/// Between real ranks something is sent at short intervals; here a rank is lost when the test says so.
final class LocalRanks: Sendable {
    /// What becomes of a frame that a rank sends.
    enum Fate: Sendable {
        case arrives
        case arrivesLate(milliseconds: Int)
        /// Something else arrives.
        case becomes(Frame)
        /// Nothing arrives; the rank is lost.
        case loss
        /// Nothing arrives, and the rank is still heard of: it computes without an end.
        case silence
    }

    private struct State {
        var receivers: [Int: @Sendable (RankEvent) -> Void] = [:]
        var waiting: [Int: [RankEvent]] = [:]
        var answers: [Int: Int] = [:]
    }

    let count: Int
    private let fate: @Sendable (_ rank: Int, _ answer: Int, Frame) -> Fate
    private let queues: [DispatchQueue]
    private let state = Mutex(State())

    /// - Parameter fate: Of each frame from a rank other than 0, by how many that rank sent before.
    init(
        _ count: Int,
        fate: @escaping @Sendable (_ rank: Int, _ answer: Int, Frame) -> Fate = { _, _, _ in .arrives }
    ) {
        self.count = count
        self.fate = fate
        queues = (0..<count).map { DispatchQueue(label: "rank \($0)") }
    }

    func transport(_ rank: Int) -> Transport { Transport(network: self, rank: rank) }

    /// How many frames a rank sent.
    func answers(of rank: Int) -> Int { state.withLock { $0.answers[rank, default: 0] } }

    struct Transport: RankTransport {
        let network: LocalRanks
        let rank: Int
        var count: Int { network.count }
        func start(_ receive: @escaping @Sendable (RankEvent) -> Void) { network.start(rank, receive) }
        func send(_ frame: Frame, to other: Int) { network.send(frame, from: rank, to: other) }
        func close(abandoning: Bool) {}
    }

    private func start(_ rank: Int, _ receive: @escaping @Sendable (RankEvent) -> Void) {
        let early = state.withLock { state in
            state.receivers[rank] = receive
            return state.waiting.removeValue(forKey: rank) ?? []
        }
        for event in early { deliver(event, to: rank) }
    }

    private func send(_ frame: Frame, from rank: Int, to other: Int) {
        guard rank != 0 else {
            deliver(.frame(from: 0, frame), to: other)
            return
        }
        let number = state.withLock { state in
            state.answers[rank, default: 0] += 1
            return state.answers[rank, default: 1] - 1
        }
        switch fate(rank, number, frame) {
        case .arrives: deliver(.frame(from: rank, frame), to: other)
        case .arrivesLate(let milliseconds):
            queues[other].asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [self] in
                hand(.frame(from: rank, frame), to: other)
            }
        case .becomes(let another): deliver(.frame(from: rank, another), to: other)
        case .loss: deliver(.lost(rank, reason: "was lost on purpose"), to: other)
        case .silence: break
        }
    }

    private func deliver(_ event: RankEvent, to rank: Int) {
        queues[rank].async { [self] in hand(event, to: rank) }
    }

    private func hand(_ event: RankEvent, to rank: Int) {
        let receiver = state.withLock { state in
            let receiver = state.receivers[rank]
            if receiver == nil { state.waiting[rank, default: []].append(event) }
            return receiver
        }
        receiver?(event)
    }
}
