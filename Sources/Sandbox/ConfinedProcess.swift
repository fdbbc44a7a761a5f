internal import CSandbox
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A program that runs confined: gets bytes on standard input, gives bytes on descriptor 3, has nothing else.
struct ConfinedProcess {
    /// What is run.
    struct Command: Sendable {
        var executable: String
        var arguments: [String]
        /// As `NAME=value`; nothing is inherited.
        var environment: [String]
        /// What it may read where it has a root of its own.
        var readable: [String]
    }

    enum Ending: Sendable, Hashable {
        case exit(Int)
        case signal(Int)
        case wallTime
        /// It got too little of the machine's processors to use its time.
        case starved
        /// It wrote more than the limit.
        case output
        /// It was never started: the step that failed, and why.
        case notStarted(step: Int, Errno)
    }

    struct Outcome: Sendable {
        let output: [UInt8]
        let ending: Ending
    }

    /// Runs a program to its end; once more from the beginning where the machine was too busy for it.
    ///
    /// - Parameter isTrusted: whether it may stay root if this process is; others become nobody.
    /// - Throws: `Errno` when no process can be made.
    static func run(
        _ command: Command, input: [UInt8], isolation: Isolation, limits: SandboxLimits,
        isTrusted: Bool = false
    ) throws(Errno) -> Outcome {
        let outcome = try runOnce(command, input: input, isolation, limits, isTrusted: isTrusted)
        guard outcome.ending == .starved else { return outcome }
        return try runOnce(command, input: input, isolation, limits, isTrusted: isTrusted)
    }

    private static func runOnce(
        _ command: Command, input: [UInt8], _ isolation: Isolation, _ limits: SandboxLimits, isTrusted: Bool
    ) throws(Errno) -> Outcome {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        var (toChild, fromChild) = (Channel.closed, Channel.closed)
        defer {
            toChild.closeBoth()
            fromChild.closeBoth()
        }
        // A socket, because writing to one whose reader has gone can be told not to raise a signal.
        toChild = try Channel.socket()
        fromChild = try Channel.pipe()
        let (process, ending) = try start(
            command, folder.path, toChild, fromChild, isolation, limits,
            user: geteuid() == 0 && !isTrusted ? 65534 : UInt32.max)
        defer { close(ending) }
        toChild.closeTheirs()
        fromChild.closeTheirs()
        var exchange = Exchange(
            input: input, sending: toChild, receiving: fromChild, ending: ending, outputLimit: limits.output,
            deadline: .now + .seconds(limits.busySeconds + 60))
        let result = exchange.run()
        // The watching process takes everything that it started with it.
        kill(process, SIGKILL)
        var status: CInt = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        return Outcome(output: exchange.output, ending: result)
    }

    private static func start(
        _ command: Command, _ folder: String, _ toChild: Channel, _ fromChild: Channel,
        _ isolation: Isolation, _ limits: SandboxLimits, user: UInt32
    ) throws(Errno) -> (process: pid_t, ending: CInt) {
        let texts = CStrings([command.executable, folder])
        let arguments = CStrings([command.executable] + command.arguments)
        let environment = CStrings(command.environment)
        let readable = CStrings(command.readable)
        defer { withExtendedLifetime((texts, arguments, environment, readable)) {} }
        var program = sandbox_program()
        program.executable = UnsafePointer(texts.pointers[0])
        program.folder = UnsafePointer(texts.pointers[1])
        program.arguments = UnsafePointer(arguments.pointers.baseAddress)
        program.environment = UnsafePointer(environment.pointers.baseAddress)
        program.input = toChild.theirs
        program.result = fromChild.theirs
        program.level = isolation.rank
        program.own_milliseconds = UInt64(limits.wallSeconds) * 1000
        program.wall_milliseconds = UInt64(limits.busySeconds) * 1000
        program.cpu_seconds = UInt64(limits.cpuSeconds)
        program.memory = UInt64(limits.memory)
        program.files = UInt64(limits.files)
        // Below namespaces the limit counts all processes of the user; with a filter there are none to be counted.
        program.processes =
            switch isolation {
            case .limits: geteuid() == 0 ? 128 : 1024
            case .seccomp: 0
            case .namespaces: 64
            }
        program.user = user
        var ending: CInt = -1
        let process = readable.pointers.withMemoryRebound(to: UnsafePointer<CChar>?.self) { paths in
            program.readable = UnsafePointer(paths.baseAddress)
            return sandbox_start(&program, &ending)
        }
        guard process > 0 else { throw Errno(rawValue: errno) }
        return (process, ending)
    }
}

/// Texts as C wants them, with a null pointer behind the last; freed with the value.
private final class CStrings {
    let pointers: UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>

    init(_ texts: [String]) {
        pointers = .allocate(capacity: texts.count + 1)
        _ = pointers.initialize(from: texts.map { strdup($0) } + [nil])
    }

    deinit {
        for pointer in pointers { free(pointer) }
        pointers.deallocate()
    }
}
