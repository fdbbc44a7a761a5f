internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Hides the cursor while something is drawn, and sees to it that it comes back.
///
/// It is back after ``end()``, after a second Ctrl-C, which ends the process at once, and while the process is
/// suspended. The first Ctrl-C (or SIGTERM) only sets ``isInterrupted``.
package enum TerminalGuard {
    /// Whether Ctrl-C was pressed, or SIGTERM sent, since ``begin(hidesCursor:)``.
    package static var isInterrupted: Bool { interruptions.load(ordering: .relaxed) > 0 }

    /// Whether SIGTERM was ever sent.
    package static var isTerminated: Bool { isToldToEnd.load(ordering: .relaxed) }

    /// Takes over SIGINT, SIGTERM and, with a hidden cursor, SIGTSTP.
    package static func begin(hidesCursor: Bool) {
        interruptions.store(0, ordering: .relaxed)
        cursorIsHidden.store(hidesCursor, ordering: .relaxed)
        _ = isToldToEnd.load(ordering: .relaxed)
        if hidesCursor { put("\u{1B}[?25l") }
        for number in [SIGINT, SIGTERM] {
            handle(number) { number in
                // Only what may be called in a signal handler: atomics, write, signal, raise.
                if number == SIGTERM { isToldToEnd.store(true, ordering: .relaxed) }
                guard interruptions.wrappingAdd(1, ordering: .relaxed).oldValue > 0 else { return }
                if cursorIsHidden.load(ordering: .relaxed) { put("\u{1B}[0m\u{1B}[?25h\r\n") }
                signal(number, SIG_DFL)
                raise(number)
            }
        }
        guard hidesCursor else { return }
        handle(SIGTSTP) { _ in
            put("\u{1B}[0m\u{1B}[?25h")
            raise(SIGSTOP)
            put("\u{1B}[?25l")
        }
    }

    /// Shows the cursor and gives the signals back.
    package static func end() {
        if cursorIsHidden.exchange(false, ordering: .relaxed) { put("\u{1B}[0m\u{1B}[?25h") }
        for number in [SIGINT, SIGTERM, SIGTSTP] { signal(number, SIG_DFL) }
    }

    /// Without SA_RESTART, so that a read of the terminal ends too.
    private static func handle(_ number: CInt, _ handler: @escaping @convention(c) (CInt) -> Void) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = handler
        sigemptyset(&action.sa_mask)
        // The second Ctrl-C is raised in the handler of the first kind.
        action.sa_flags = CInt(SA_NODEFER)
        sigaction(number, &action, nil)
    }
}

/// Writes to standard output, past all buffers; may be called in a signal handler.
private func put(_ text: StaticString) { _ = write(1, text.utf8Start, text.utf8CodeUnitCount) }

// Globals that a signal handler touches exist before it is installed: `begin` uses them first.
private let interruptions = Atomic<Int>(0)
private let isToldToEnd = Atomic<Bool>(false)
private let cursorIsHidden = Atomic<Bool>(false)
