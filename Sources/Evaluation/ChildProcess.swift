internal import Base
internal import Files
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A program that gets its input and gives its output through one pipe of two directions.
///
/// It is started without a shell, hears no signal of the terminal and is killed with all that it started when it
/// is silent for too long or writes too much.
struct ChildProcess {
    enum Ending: Sendable, Hashable {
        case exit(Int)
        case signal(Int)
        case timeLimit
        /// It got too little of the machine's processors to use its time.
        case starved
        case outputLimit
    }

    struct Outcome: Sendable {
        let output: [UInt8]
        let ending: Ending
    }

    private let process: pid_t
    private let channel: CInt

    /// Runs a program to its end.
    ///
    /// - Parameters:
    ///   - executable: the path of the program.
    ///   - environment: all of its environment, as `NAME=value`.
    ///   - input: what it reads on standard input; standard error is dropped.
    ///   - limit: how long it may go without writing anything, but for what it waits for a processor.
    ///   - outputLimit: how many bytes it may write.
    /// - Throws: `Errno` when it can't be started.
    static func run(
        _ executable: String, _ arguments: [String], environment: [String], input: [UInt8],
        limit: Duration, outputLimit: Int = 1 << 24
    ) throws -> Outcome {
        let child = try ChildProcess(executable, arguments, environment)
        var output: [UInt8] = []
        let stopped = child.exchange(input, into: &output, limit: limit, outputLimit: outputLimit)
        close(child.channel)
        let ending = child.finish(stopped: stopped, until: .now + limit)
        return Outcome(output: output, ending: ending)
    }

    private init(_ executable: String, _ arguments: [String], _ environment: [String]) throws {
        // A socket, because writing to one whose reader has gone can be told not to raise a signal; closed in
        // other children, which would keep it open otherwise.
        var ends: [CInt] = [-1, -1]
        #if canImport(Glibc)
            let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        #else
            let kind = SOCK_STREAM | SOCK_CLOEXEC
        #endif
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw Errno(rawValue: errno)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Signals that this process blocks or ignores, the child should hear.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))
        var argv = ([executable] + arguments).map { strdup($0) } + [nil]
        var envp = environment.map { strdup($0) } + [nil]
        defer { for text in argv + envp { free(text) } }
        var child = pid_t()
        let failure = posix_spawn(&child, executable, &actions, &attributes, &argv, &envp)
        close(ends[1])
        guard failure == 0 else {
            close(ends[0])
            throw Errno(rawValue: failure)
        }
        process = child
        channel = ends[0]
    }

    /// Writes and reads until the child closes its end.
    ///
    /// - Returns: why it should be killed, if it should.
    private func exchange(
        _ input: [UInt8], into output: inout [UInt8], limit: Duration, outputLimit: Int
    ) -> Ending? {
        var begin = ContinuousClock.now
        var waitedBefore = waited
        var deadline = begin + limit
        let flags = CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)
        var written = 0
        var isOpen = true
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            if isOpen, written == input.count {
                shutdown(channel, CInt(SHUT_WR))
                isOpen = false
            }
            let left = Self.milliseconds(until: deadline)
            guard left > 0 else {
                let elapsed = ContinuousClock.now - begin
                let waited = self.waited - waitedBefore
                if let ending = Self.ending(after: elapsed, waited: waited, limit: limit) { return ending }
                deadline = begin + limit + min(elapsed, waited) + .milliseconds(1)
                continue
            }
            var entry = pollfd(fd: channel, events: Int16(POLLIN | (isOpen ? POLLOUT : 0)), revents: 0)
            guard poll(&entry, 1, left) > 0 else { continue }
            if isOpen, entry.revents & Int16(POLLOUT) != 0 {
                let count = input.withUnsafeBytes {
                    send(channel, $0.baseAddress?.advanced(by: written), $0.count - written, flags)
                }
                // A child that reads no further isn't an error: what it says or how it ends shows what is wrong.
                if count < 0, errno != EAGAIN, errno != EINTR { written = input.count }
                written += max(0, count)
            }
            if entry.revents & ~Int16(POLLOUT) != 0 {
                let count = recv(channel, &buffer, buffer.count, CInt(MSG_DONTWAIT))
                if count == 0 || count < 0 && errno != EAGAIN && errno != EINTR { return nil }
                if count > 0 {
                    begin = .now
                    (deadline, waitedBefore) = (begin + limit, waited)
                }
                output += buffer[..<max(0, count)]
                if output.count > outputLimit { return .outputLimit }
            }
        }
    }

    /// Why a program should be killed that has been silent for so long; nil if it may go on.
    ///
    /// - Parameter waited: how long of that it waited for a processor.
    static func ending(after elapsed: Duration, waited: Duration, limit: Duration) -> Ending? {
        if elapsed - min(waited, elapsed) >= limit { return .timeLimit }
        return elapsed >= max(limit * 20, .seconds(60)) ? .starved : nil
    }

    /// How long it has waited for a processor; nothing where the kernel doesn't count that.
    private var waited: Duration {
        guard let text = try? FileSystem.readText(FilePath("/proc/\(process)/schedstat")) else {
            return .zero
        }
        // Nanoseconds on a processor, nanoseconds waiting for one, and how often it ran.
        let numbers = ByteText(text).split(" ").compactMap { Int64($0.text) }
        return numbers.count > 1 ? .nanoseconds(numbers[1]) : .zero
    }

    /// Waits for the end, which a kill brings about when `stopped` or the deadline demands it.
    private func finish(stopped: Ending?, until deadline: ContinuousClock.Instant) -> Ending {
        var status: CInt = 0
        var reason = stopped
        while reason == nil {
            let ended = waitpid(process, &status, WNOHANG)
            if ended == process { return Self.ending(status) }
            if ended < 0, errno != EINTR { return .exit(-1) }
            if Self.milliseconds(until: deadline) == 0 { reason = .timeLimit }
            usleep(200)
        }
        kill(-process, SIGKILL)
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        return reason ?? Self.ending(status)
    }

    private static func ending(_ status: CInt) -> Ending {
        let signal = Int(status & 0x7F)
        return signal == 0 ? .exit(Int((status >> 8) & 0xFF)) : .signal(signal)
    }

    /// Whole milliseconds, rounded up, that are left; at most a day.
    private static func milliseconds(until deadline: ContinuousClock.Instant) -> CInt {
        let left = (deadline - .now) / Duration.milliseconds(1)
        return CInt(max(0, min(left.rounded(.up), 86_400_000)))
    }
}
