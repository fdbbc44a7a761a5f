#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A thread of its own for work that blocks: on files, on sockets, on other threads.
///
/// On the pool that Swift's tasks share, two such pieces of work would stop all tasks of a machine with two cores.
public enum BlockingThread {
    /// As on the main thread of most systems; some C libraries give other threads much less.
    private static let stackSize = 16 << 20

    /// Why no thread could be had.
    public struct NotStarted: Error, Sendable, CustomStringConvertible {
        /// As the system words it, such as "Resource temporarily unavailable".
        let reason: String
        public var description: String {
            "Could not start a thread: \(reason.prefix(1).lowercased())\(reason.dropFirst()). Run with fewer --jobs, or raise the limit with `ulimit -u`."
        }
    }

    /// Runs `body` on a new thread; who wants to know when it ends has `body` say so.
    ///
    /// - Throws: ``NotStarted`` when there is no thread to be had; `body` isn't run then.
    public static func start(_ body: @escaping @Sendable () -> Void) throws(NotStarted) {
        let box = Unmanaged.passRetained(Box(body))
        // Raw room for the attributes: which module their initialiser belongs to differs between systems.
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
        guard failure == 0 else {
            box.release()
            throw NotStarted(reason: String(cString: strerror(failure)))
        }
    }

    /// Holds up the calling thread.
    public static func sleep(milliseconds: Int) { usleep(UInt32(max(0, milliseconds)) * 1000) }

    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
