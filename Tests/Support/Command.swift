public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A program under test, run as a process of its own.
///
/// Its output goes to files, so that it never waits for a reader and can be looked at while it runs.
public final class Command: Sendable {
    /// How a process ended.
    public enum Ending: Sendable, Hashable {
        case exit(Int)
        case signal(Int)
    }

    /// What a process printed and how it ended.
    public struct Outcome: Sendable {
        public let output: String
        /// What it printed on standard error.
        public let log: String
        public let ending: Ending
        /// Processor time of the process and of what it waited for, in seconds: however busy the machine is, work that
        /// wasn't done takes none.
        public let processorSeconds: Double

        /// The exit code; -1 after a signal.
        public var code: Int { if case .exit(let code) = ending { code } else { -1 } }
    }

    /// Why a process could not be started.
    public struct NotStarted: Error, CustomStringConvertible {
        public let description: String
    }

    private let process: pid_t
    private let outputFile: FilePath
    private let logFile: FilePath

    /// Starts a process.
    ///
    /// - Parameters:
    ///   - environment: Added to `PATH` and `HOME`, which are all that it gets from this process.
    ///   - scratch: An existing folder for its output.
    public init(
        _ executable: FilePath, _ arguments: [String], environment: [String: String] = [:],
        scratch: FilePath
    ) throws {
        let id = UInt32.random(in: 0 ... .max)
        outputFile = scratch.appending("\(id).out")
        logFile = scratch.appending("\(id).err")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputFile.string, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, logFile.string, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        // Threads of the test library block signals and a child inherits that, but it should hear SIGINT.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigemptyset(&all)
        for signal in [SIGINT, SIGTERM] { sigaddset(&all, signal) }
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var variables = environment
        for name in ["PATH", "HOME"] { variables[name] = variables[name] ?? Self.environment(name) }
        var argv = ([executable.string] + arguments).map { strdup($0) } + [nil]
        var envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var child = pid_t()
        let failure = posix_spawn(&child, executable.string, &actions, &attributes, &argv, &envp)
        guard failure == 0 else {
            throw NotStarted(description: "\(executable): \(Errno(rawValue: failure))")
        }
        process = child
    }

    /// Sends a signal.
    public func send(_ signal: CInt) { kill(process, signal) }

    /// What it has printed on standard output so far.
    public var output: String { Self.text(of: outputFile) }

    /// What it has printed on standard error so far.
    public var log: String { Self.text(of: logFile) }

    /// Waits until it has ended; call it once.
    public func wait() -> Outcome {
        var status: CInt = 0
        var usage = rusage()
        while wait4(process, &status, 0, &usage) == -1, errno == EINTR {}
        return outcome(status, usage)
    }

    /// How it ended, if it has; after an answer don't ask again.
    public func poll() -> Outcome? {
        var status: CInt = 0
        var usage = rusage()
        return wait4(process, &status, WNOHANG, &usage) == process ? outcome(status, usage) : nil
    }

    private func outcome(_ status: CInt, _ usage: rusage) -> Outcome {
        let signal = Int(status & 0x7F)
        let times = [usage.ru_utime, usage.ru_stime]
        return Outcome(
            output: Self.text(of: outputFile), log: Self.text(of: logFile),
            ending: signal == 0 ? .exit(Int((status >> 8) & 0xFF)) : .signal(signal),
            processorSeconds: times.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 })
    }

    private static func text(of path: FilePath) -> String {
        guard let file = try? FileDescriptor.open(path, .readOnly) else { return "" }
        defer { try? file.close() }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while let count = try? buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The value of an environment variable, if it is a whole number.
    public static func number(_ name: String) -> UInt64? { environment(name).flatMap { UInt64($0) } }

    public static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// A program that was built beside the tests.
    public static func built(_ name: String) -> FilePath {
        var buffer = [CChar](repeating: 0, count: 4097)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = String(decoding: buffer[..<max(0, count)].map(UInt8.init(bitPattern:)), as: UTF8.self)
        return FilePath(path).removingLastComponent().appending(name)
    }
}
