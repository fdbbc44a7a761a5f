#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A thread for one client.
///
/// Clients make their thread wait: on sockets, on forwards. Threads of a shared pool would all end up waiting.
enum ServerThread {
    private static let stackSize = 8 << 20

    /// Runs `body` on a thread of its own; false when there is none to be had.
    static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        let box = Unmanaged.passRetained(Box(body))
        let failure = withUnsafeTemporaryAllocation(of: pthread_attr_t.self, capacity: 1) { room -> CInt in
            guard let attributes = room.baseAddress else { return ENOMEM }
            pthread_attr_init(attributes)
            defer { pthread_attr_destroy(attributes) }
            pthread_attr_setstacksize(attributes, stackSize)
            pthread_attr_setdetachstate(attributes, CInt(PTHREAD_CREATE_DETACHED))
            var thread: pthread_t = 0
            return pthread_create(
                &thread, attributes,
                { argument in
                    // Never nil: it is the pointer that is given below.
                    if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
                    return nil
                }, box.toOpaque())
        }
        if failure != 0 { box.release() }
        return failure == 0
    }

    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
