internal import Synchronization

/// What one call of an encoder needs for itself: found words, buffers, and where oniguruma notes its matches.
///
/// `@unchecked Sendable` is safe: a workspace is taken out of its pool for the length of a call, so that no two calls
/// ever have the same.
final class EncodingWorkspace: @unchecked Sendable {
    var cache = WordCache()
    var merger = PairMerger()
    let region = MatchRegion()
}

/// Workspaces that wait for the next call; at most as many as calls ran at once.
final class WorkspacePool: Sendable {
    private let waiting = Mutex<[EncodingWorkspace]>([])

    /// Calls `body` with a workspace that nobody else has.
    func withWorkspace<T>(_ body: (EncodingWorkspace) -> T) -> T {
        let workspace = waiting.withLock { $0.popLast() } ?? EncodingWorkspace()
        defer { waiting.withLock { $0.append(workspace) } }
        return body(workspace)
    }
}
