internal import Synchronization

/// Lines at the bottom of a terminal that are written over in place.
///
/// Only lines that changed are written, between the marks of a synchronized update, so that nothing flickers.
struct ScreenArea {
    /// One line: what is written, and how wide that is.
    struct Line: Hashable {
        var text: String
        var width: Int
    }

    private var lines: [Line] = []
    private var columns = 0

    /// The text that replaces the area by other lines; the cursor stands at the end of the last.
    ///
    /// Lines have to be narrower than the terminal.
    mutating func show(_ new: [Line], columns: Int) -> String {
        defer {
            lines = new
            self.columns = columns
        }
        guard columns == self.columns, new.count == lines.count, !lines.isEmpty else {
            return Self.synchronized(erasure(columns: columns) + new.map(\.text).joined(separator: "\r\n"))
        }
        var text = "\r" + (new.count > 1 ? "\u{1B}[\(new.count - 1)A" : "")
        for (index, line) in new.enumerated() {
            if index > 0 { text += "\r\n" }
            if line != lines[index] { text += line.text + "\u{1B}[K" }
        }
        if let last = new.last, last == lines.last, last.width > 0 { text += "\u{1B}[\(last.width)C" }
        return Self.synchronized(text)
    }

    /// The text that takes the area away and leaves the cursor where it began.
    mutating func erase(columns: Int) -> String {
        defer { lines = [] }
        return erasure(columns: columns)
    }

    /// - Parameter columns: the width now: of a terminal that became narrower, lines take more than one row.
    private func erasure(columns: Int) -> String {
        guard !lines.isEmpty else { return "" }
        let rows = lines.reduce(0) { $0 + max(1, ($1.width + columns - 1) / max(1, columns)) }
        return "\r" + (rows > 1 ? "\u{1B}[\(rows - 1)A" : "") + "\u{1B}[J"
    }

    private static func synchronized(_ text: String) -> String { "\u{1B}[?2026h\(text)\u{1B}[?2026l" }
}

/// Lines of a command that are drawn in place again and again, each cut to the terminal's width.
package struct LiveLines {
    private let style: TerminalStyle
    private var area = ScreenArea()

    package init(_ style: TerminalStyle) { self.style = style }

    /// Columns and rows that there are for them now.
    package var size: (columns: Int, rows: Int) {
        let size = TerminalStyle.size()
        // A line that reaches the last column makes some terminals begin the next one.
        return (max(10, size.columns - 1), max(1, size.rows - 1))
    }

    /// The text that replaces what is on the screen.
    package mutating func show(_ lines: [String]) -> String {
        let size = size
        let fitted = lines.prefix(size.rows).map { line -> ScreenArea.Line in
            let text = DisplayWidth.fitted(
                Printable.line(line, isUnicode: style.isUnicode), size.columns,
                ellipsis: style.isUnicode ? "…" : "...")
            return ScreenArea.Line(text: text, width: DisplayWidth.of(text))
        }
        return area.show(fitted, columns: size.columns + 1)
    }
}

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
