package import ArtifactStore
import Synchronization

/// Hands groups of samples to whoever is free, and commits their results in order.
///
/// Which lane computes a group doesn't show in its result. A group whose rank is lost goes back; one that another rank
/// holds for much longer than groups take is given out a second time, and what comes first counts.
package final class GroupQueue: Sendable {
    /// What a free lane is to do.
    package enum Task: Sendable, Hashable {
        case compute(Int)
        /// All groups are given out; some may come back.
        case wait
        case done
    }

    private struct Holding {
        var since: ContinuousClock.Instant
        var isRemote: Bool
    }

    private struct State {
        /// The first group that was never given out.
        var next: Int
        var returned: [Int] = []
        /// Groups that someone computes, by number.
        var held: [Int: [Holding]] = [:]
        var results: [Int: [JournalRecord]] = [:]
        /// The first group that isn't committed.
        var committed: Int
        /// The longest that a group took here; nil before the first.
        var longest: Duration?
        var failure: (any Error)?
    }

    /// How many times as long as the longest group of this process another rank may take.
    package static let patience = 3

    /// How long it may take where this process has none to compare with.
    package static let firstPatience = Duration.seconds(30)

    private let count: Int
    private let commit: @Sendable (Int, [JournalRecord]) throws -> Void
    private let state: Mutex<State>

    /// - Parameters:
    ///   - first: The first group that isn't done yet.
    ///   - commit: Takes the results one at a time, in order.
    package init(
        from first: Int, to count: Int,
        commit: @escaping @Sendable (Int, [JournalRecord]) throws -> Void
    ) {
        self.count = count
        self.commit = commit
        state = Mutex(State(next: first, committed: first))
    }

    /// What a lane does next.
    package func take(isRemote: Bool) -> Task {
        state.withLock { state in
            guard state.failure == nil, state.committed < count else { return .done }
            let group: Int
            if let overdue = overdue(state), !isRemote {
                group = overdue
            } else if let returned = state.returned.popLast() {
                group = returned
            } else if state.next < count {
                group = state.next
                state.next += 1
            } else {
                return .wait
            }
            state.held[group, default: []].append(Holding(since: .now, isRemote: isRemote))
            return .compute(group)
        }
    }

    /// The first group that only another rank computes, and for too long.
    private func overdue(_ state: State) -> Int? {
        let limit = state.longest.map { max($0 * Self.patience, .milliseconds(200)) } ?? Self.firstPatience
        return state.held.filter { group, holdings in
            state.results[group] == nil
                && holdings.allSatisfy { $0.isRemote && $0.since.duration(to: .now) > limit }
        }.keys.min()
    }

    /// Takes a group back that another rank can't compute.
    package func giveBack(_ group: Int) {
        state.withLock { state in
            drop(group, isRemote: true, &state)
            if state.held[group] == nil, group >= state.committed, state.results[group] == nil {
                state.returned.append(group)
            }
        }
    }

    /// Takes the result of a group, unless it is there already.
    ///
    /// - Parameter duration: How long it took; nil where another rank computed it.
    package func finish(_ group: Int, _ records: [JournalRecord], took duration: Duration?) {
        state.withLock { state in
            drop(group, isRemote: duration == nil, &state)
            if let duration { state.longest = max(state.longest ?? .zero, duration) }
            guard state.failure == nil, group >= state.committed, state.results[group] == nil else { return }
            state.held[group] = nil
            state.results[group] = records
            do {
                while let ready = state.results.removeValue(forKey: state.committed) {
                    try commit(state.committed, ready)
                    state.committed += 1
                }
            } catch {
                state.failure = error
            }
        }
    }

    /// Ends all lanes.
    package func fail(_ error: any Error) { state.withLock { $0.failure = $0.failure ?? error } }

    /// Whether there is nothing left to do.
    package var isDone: Bool { state.withLock { $0.failure != nil || $0.committed >= count } }

    /// What went wrong, if anything did.
    package func check() throws {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func drop(_ group: Int, isRemote: Bool, _ state: inout State) {
        guard var holdings = state.held[group],
            let place = holdings.firstIndex(where: { $0.isRemote == isRemote })
        else { return }
        holdings.remove(at: place)
        state.held[group] = holdings.isEmpty ? nil : holdings
    }
}
