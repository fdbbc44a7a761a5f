internal import CSandbox
package import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A program that somebody gave leave to run: it has the rights of the user, and is ended with all that it started.
///
/// It reads nothing on standard input and has no terminal. A second process watches it, so that it is ended as well when
/// this one is killed.
package struct OpenProcess: Sendable {
    /// The path of the program.
    package var executable: String
    /// What it is given, its name first.
    package var arguments: [String]
    /// All of its environment, as `NAME=value`.
    package var environment: [String]
    /// Where it runs.
    package var folder: FilePath
    /// Where its standard output goes; nil where its lines are told like those of standard error.
    package var output: FileDescriptor?
    /// How long it may take by the clock, less what it waits for a processor.
    package var seconds: Int

    package init(
        _ executable: String, _ arguments: [String], environment: [String], in folder: FilePath,
        output: FileDescriptor? = nil, seconds: Int
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.folder = folder
        self.output = output
        self.seconds = seconds
    }

    package enum Ending: Sendable, Hashable {
        case exit(Int)
        case signal(Int)
        /// It took longer than it may.
        case timeLimit
        /// The caller ended it.
        case stopped
        /// It was never started: why.
        case notStarted(Errno)
    }

    /// How often the caller is asked whether to stop, in milliseconds.
    private static let pause: CInt = 100

    /// Runs it to its end.
    ///
    /// - Parameters:
    ///   - isStopped: Whether it should be ended; asked several times a second.
    ///   - hear: Gets what it prints, in pieces as they come.
    /// - Throws: `Errno` when no process can be made.
    package func run(isStopped: () -> Bool, hear: ([UInt8]) -> Void) throws(Errno) -> Ending {
        let nothing: FileDescriptor
        do {
            nothing = try .open("/dev/null", .readOnly, options: .closeOnExec)
        } catch let error as Errno {
            throw error
        } catch {
            throw .invalidArgument
        }
        defer { try? nothing.close() }
        var printed = try Channel.pipe()
        defer { printed.closeBoth() }
        // Nothing is ever written to it: what counts is that it is open.
        var life = try Channel.pipe()
        defer { life.closeBoth() }
        let (process, ending) = try start(
            input: nothing.rawValue, printed: printed.theirs, life: life.ours)
        defer { close(ending) }
        printed.closeTheirs()
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var isOpen = true
        while true {
            if isStopped() { life.closeTheirs() }
            var entries = [
                pollfd(fd: ending, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isOpen ? printed.ours : -1, events: Int16(POLLIN), revents: 0),
            ]
            _ = poll(&entries, 2, Self.pause)
            let hasEnded = entries[0].revents != 0
            while isOpen {
                let count = read(printed.ours, &buffer, buffer.count)
                guard count > 0 else {
                    // Also when it has closed what it prints to, and goes on.
                    if count == 0 { isOpen = false }
                    break
                }
                hear(Array(buffer[..<count]))
                if !hasEnded { break }
            }
            if hasEnded { break }
        }
        let told = Self.ending(told: ending)
        kill(process, SIGKILL)
        var status: CInt = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        return told
    }

    private func start(
        input: CInt, printed: CInt, life: CInt
    ) throws(Errno) -> (process: pid_t, ending: CInt) {
        let texts = CStrings([executable, folder.string])
        let (given, all) = (CStrings(arguments), CStrings(environment))
        defer { withExtendedLifetime((texts, given, all)) {} }
        var program = sandbox_program()
        program.executable = UnsafePointer(texts.pointers[0])
        program.folder = UnsafePointer(texts.pointers[1])
        program.arguments = UnsafePointer(given.pointers.baseAddress)
        program.environment = UnsafePointer(all.pointers.baseAddress)
        program.input = input
        program.output = output?.rawValue ?? printed
        program.errors = printed
        program.result = -1
        program.life = life
        program.level = CInt(SANDBOX_OPEN)
        program.own_milliseconds = UInt64(seconds) * 1000
        // Whoever waits for a processor all the time isn't to blame, but some end there has to be.
        program.wall_milliseconds = UInt64(seconds) * 20_000
        program.user = UInt32.max
        var ending: CInt = -1
        let process = sandbox_start(&program, &ending)
        guard process > 0 else { throw Errno(rawValue: errno) }
        return (process, ending)
    }

    private static func ending(told descriptor: CInt) -> Ending {
        guard let told = sandbox_ending(told: descriptor) else { return .signal(Int(SIGKILL)) }
        if told.failed_step != 0 { return .notStarted(Errno(rawValue: told.error)) }
        if told.timed_out == CInt(SANDBOX_STOPPED) { return .stopped }
        if told.timed_out != 0 { return .timeLimit }
        return told.signal == 0 ? .exit(told.code) : .signal(told.signal)
    }
}
