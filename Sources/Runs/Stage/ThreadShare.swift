internal import Recipes
internal import Synchronization

/// How many threads a stage may use at the moment.
///
/// The run gives a stage more when others end and takes some back when others begin; results never show how many there
/// were. Only stages that ask again and again notice (``StageKind/followsThreads``).
package final class ThreadShare: Sendable {
    private struct State {
        var count: Int
        var since = ContinuousClock.now
        /// Threads by seconds until then.
        var spent = 0.0
        var seconds = 0.0
    }

    private let state: Mutex<State>

    package init(_ count: Int) { state = Mutex(State(count: max(1, count))) }

    /// How many there are now, at least 1.
    package var count: Int { state.withLock { $0.count } }

    /// Gives another number from now on.
    package func change(to count: Int) {
        state.withLock { state in
            Self.settle(&state)
            state.count = max(1, count)
        }
    }

    /// How many there were on the average over its life, rounded: what records say and costs are counted from.
    package var mean: Int {
        state.withLock { state in
            Self.settle(&state)
            return state.seconds > 0 ? max(1, Int((state.spent / state.seconds).rounded())) : state.count
        }
    }

    private static func settle(_ state: inout State) {
        let now = ContinuousClock.now
        let seconds = state.since.duration(to: now).inSeconds
        state.spent += seconds * Double(state.count)
        state.seconds += seconds
        state.since = now
    }
}
