import Files
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Keeps artifacts from being removed while a run has found them but hasn't said so yet.
///
/// A run says what it uses by its folder, which it makes only when there is something to do. From its first look at
/// the store until then it holds the gate together with others; who removes artifacts holds it alone, for as long as
/// it takes to see that no run wants one and to rename it. It is a lock on the store's folder itself, so that a store
/// that can't be written needs no file for it; the kernel gives it back when its holder ends.
final class StoreGate: Sendable {
    private let folder: FileDescriptor?

    /// Waits for the gate; without a store there is none.
    init(_ store: Store, alone: Bool = false) {
        folder = try? FileDescriptor.open(store.root, .readOnly, options: [.directory, .closeOnExec])
        guard let folder else { return }
        while flock(folder.rawValue, alone ? LOCK_EX : LOCK_SH) != 0, errno == EINTR {}
    }

    deinit {
        guard let folder else { return }
        // A child that another thread is starting may hold a copy of the descriptor.
        _ = flock(folder.rawValue, LOCK_UN)
        try? folder.close()
    }
}
