internal import CSandbox
internal import Files
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
        (program.output, program.errors, program.life) = (-1, -1, -1)
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
final class CStrings {
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

/// Sends the input, takes the output, and waits for the word that the program is gone.
struct Exchange {
    let input: [UInt8]
    let sending: Channel
    let receiving: Channel
    /// Where the watching process tells how it ended.
    let ending: CInt
    let outputLimit: Int
    /// When the watching process itself is given up.
    let deadline: ContinuousClock.Instant
    private(set) var output: [UInt8] = []
    private var written = 0
    private var isSending = true

    init(
        input: [UInt8], sending: Channel, receiving: Channel, ending: CInt, outputLimit: Int,
        deadline: ContinuousClock.Instant
    ) {
        self.input = input
        self.sending = sending
        self.receiving = receiving
        self.ending = ending
        self.outputLimit = outputLimit
        self.deadline = deadline
    }

    /// Runs until the program is gone or wrote too much.
    mutating func run() -> ConfinedProcess.Ending {
        while true {
            if isSending, written == input.count {
                shutdown(sending.ours, CInt(SHUT_WR))
                isSending = false
            }
            guard ContinuousClock.now < deadline else { return .starved }
            var entries = [
                pollfd(fd: ending, events: Int16(POLLIN), revents: 0),
                pollfd(fd: receiving.ours, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isSending ? sending.ours : -1, events: Int16(POLLOUT), revents: 0),
            ]
            guard poll(&entries, 3, 1000) > 0 else { continue }
            if entries[2].revents != 0 { sendMore() }
            let hasEnded = entries[0].revents != 0
            // What the program wrote before it ended is in the pipe by now.
            let isOpen = entries[1].revents == 0 && !hasEnded || receiveMore()
            if output.count > outputLimit { return .output }
            if hasEnded { return readEnding() }
            if !isOpen, !isSending { waitForEnding() }
        }
    }

    private mutating func sendMore() {
        let count = input.withUnsafeBytes {
            send(
                sending.ours, $0.baseAddress?.advanced(by: written), $0.count - written,
                CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
        }
        // A program that reads no further isn't an error: how it ends shows what is wrong.
        if count < 0, errno != EAGAIN, errno != EINTR { written = input.count }
        written += max(0, count)
    }

    /// Takes what is there; false at the end of the output.
    private mutating func receiveMore() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while output.count <= outputLimit {
            let count = read(receiving.ours, &buffer, buffer.count)
            if count == 0 { return false }
            guard count > 0 else { return true }
            output += buffer[..<count]
        }
        return true
    }

    /// Waits without asking again and again for output that can't come any more.
    private func waitForEnding() {
        var entry = pollfd(fd: ending, events: Int16(POLLIN), revents: 0)
        _ = poll(&entry, 1, 1000)
    }

    private func readEnding() -> ConfinedProcess.Ending {
        // Killed from outside, with all below it.
        guard let told = sandbox_ending(told: ending) else { return .signal(Int(SIGKILL)) }
        if told.failed_step != 0 {
            return .notStarted(step: Int(told.failed_step), Errno(rawValue: told.error))
        }
        if told.timed_out == SANDBOX_STARVED { return .starved }
        if told.timed_out != 0 { return .wallTime }
        return told.signal == 0 ? .exit(told.code) : .signal(told.signal)
    }
}

extension sandbox_ending {
    /// What the process that watches tells of the end of a program; nil where it was killed itself.
    init?(told descriptor: CInt) {
        self.init()
        let size = MemoryLayout<sandbox_ending>.size
        let count = withUnsafeMutableBytes(of: &self) { read(descriptor, $0.baseAddress, size) }
        guard count == size else { return nil }
    }

    /// The signal that ended the program; 0 for none.
    var signal: Int { Int(status & 0x7F) }
    /// What it ended with by itself.
    var code: Int { Int((status >> 8) & 0xFF) }
}

/// Two connected descriptors: one for this process, one for the other.
struct Channel {
    private(set) var ours: CInt
    private(set) var theirs: CInt

    static let closed = Channel(ours: -1, theirs: -1)

    /// Both directions; sending to it can be told to raise no signal.
    static func socket() throws(Errno) -> Channel {
        var ends: [CInt] = [-1, -1]
        #if canImport(Glibc)
            let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        #else
            let kind = SOCK_STREAM | SOCK_CLOEXEC
        #endif
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Errno(rawValue: errno) }
        return Channel(ours: ends[0], theirs: ends[1])
    }

    /// From the other process to this one; reading never waits.
    static func pipe() throws(Errno) -> Channel {
        var ends: [CInt] = [-1, -1]
        guard sandbox_pipe(&ends) == 0 else { throw Errno(rawValue: errno) }
        return Channel(ours: ends[0], theirs: ends[1])
    }

    /// Closes the end of the other process, which has its own copy.
    mutating func closeTheirs() {
        if theirs >= 0 { close(theirs) }
        theirs = -1
    }

    mutating func closeBoth() {
        closeTheirs()
        if ours >= 0 { close(ours) }
        ours = -1
    }
}

/// An empty folder that programs may use.
struct TemporaryFolder {
    let path: String

    init() throws(Errno) {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/d3llm-program-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        chmod(path, 0o755)
        // Programs of root run as nobody.
        if geteuid() == 0 { chown(path, 65534, 65534) }
    }

    /// Removes the folder with what a program left in it.
    func remove() { try? FileSystem.remove(FilePath(path)) }
}

/// The memory of this process.
package enum ProcessMemory {
    /// Keeps it from other processes of the same user: programs that models wrote, among others.
    ///
    /// `/proc/PID/environ`, `/proc/PID/mem` and tracing are refused to all but root then, and there are no core dumps.
    /// - Returns: Whether the kernel does it.
    @discardableResult
    package static func protect() -> Bool { sandbox_protect() == 0 }
}
