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

/// How much memory may be taken for what a file holds.
///
/// A few bytes can say that a value occurs a billion times, so that a file's size alone doesn't bound what it takes to
/// read it. An honest file of any size fits: data sets become a few dozen times as large as their compressed files.
package final class MemoryBudget {
    /// Bytes of the file, as it is on the disk.
    package let fileBytes: Int
    /// The most bytes of memory.
    package let limit: Int
    private var taken = 0

    /// What every file may take, and what it may take more for each of its bytes.
    private static let base = 1 << 30
    private static let perByte = 512
    private static let machine = max(base, sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE)))

    /// - Parameter limit: The most bytes; by default a gibibyte and 512 times the file's size, but never more than the
    ///   machine's memory.
    package init(fileBytes: Int, limit: Int? = nil) {
        self.fileBytes = fileBytes
        // No file has so many bytes that this overflows.
        self.limit = limit ?? min(Self.machine, Self.base + Self.perByte * min(max(0, fileBytes), 1 << 48))
    }

    /// Counts memory that is about to be taken; false where it is more than is left, and nothing is counted then.
    package func take(_ bytes: Int) -> Bool {
        guard bytes <= limit - taken else { return false }
        taken += max(0, bytes)
        return true
    }

    /// Counts memory that is free again.
    package func giveBack(_ bytes: Int) { taken -= bytes }

    /// Why nothing more is read: a sentence.
    package var refusal: String {
        "What it holds takes more than \(limit >> 20) MiB of memory, the most that is read of a file of \(fileBytes) bytes here."
    }
}
