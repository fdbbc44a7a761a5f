internal import CSandbox
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

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
        var told = sandbox_ending()
        let size = MemoryLayout<sandbox_ending>.size
        let count = withUnsafeMutableBytes(of: &told) { read(ending, $0.baseAddress, size) }
        // Killed from outside, with all below it.
        guard count == size else { return .signal(Int(SIGKILL)) }
        if told.failed_step != 0 {
            return .notStarted(step: Int(told.failed_step), Errno(rawValue: told.error))
        }
        if told.timed_out == SANDBOX_STARVED { return .starved }
        if told.timed_out != 0 { return .wallTime }
        let signal = Int(told.status & 0x7F)
        return signal == 0 ? .exit(Int((told.status >> 8) & 0xFF)) : .signal(signal)
    }
}
