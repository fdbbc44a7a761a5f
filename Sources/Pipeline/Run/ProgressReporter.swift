import Synchronization
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The one place that writes to the log (standard error): what each stage does, how fast, how long still.
///
/// On a terminal the running stage has one line that is written over; elsewhere (files, CI) it gets a line of
/// its own every ten seconds.
public final class ProgressReporter: Sendable {
    /// How the log looks.
    public struct Style: Sendable {
        /// Whether the running stage's line is written over.
        public var rewritesLine: Bool
        /// Whether escape sequences may colour it.
        public var isColored: Bool
        /// Columns of the terminal; longer progress lines are cut.
        public var width: Int

        public init(rewritesLine: Bool, isColored: Bool, width: Int = 80) {
            self.rewritesLine = rewritesLine
            self.isColored = isColored
            self.width = width
        }

        /// For a file.
        public static let plain = Style(rewritesLine: false, isColored: false)

        /// What fits the standard error of this process.
        ///
        /// `NO_COLOR` (no-color.org) and `TERM=dumb` are honoured.
        public static func forStandardError() -> Style {
            guard isatty(2) == 1, getenv("TERM").map({ strcmp($0, "dumb") != 0 }) ?? false else {
                return .plain
            }
            var size = winsize()
            let width = ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
            let noColor = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
            return Style(rewritesLine: true, isColored: !noColor, width: width)
        }
    }

    private struct State {
        var stage: String?
        var stageStart: ContinuousClock.Instant = .now
        var total: Int?
        var unit = ""
        var note: String?
        var hasProgress = false
        var inherited = 0
        var done = 0
        var progressStart: ContinuousClock.Instant = .now
        var lastShown: ContinuousClock.Instant = .now
        var lineIsOpen = false
    }

    private let style: Style
    private let write: @Sendable (String) -> Void
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())

    /// A log that goes where `write` puts it.
    public init(
        style: Style, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        write: @escaping @Sendable (String) -> Void
    ) {
        self.style = style
        self.write = write
        self.now = now
    }

    /// The log of a command: standard error.
    public static func standardError() -> ProgressReporter {
        // A log that can't be written (a closed pipe, a full disk) is no reason to stop the work.
        ProgressReporter(style: .forStandardError()) {
            _ = try? FileDescriptor.standardError.writeAll($0.utf8)
        }
    }

    /// A log that nobody reads.
    public static let silent = ProgressReporter(style: .plain) { _ in }

    /// Writes a line.
    public func log(_ message: String) { state.withLock { emit(message, &$0) } }

    /// Writes a line that asks for attention.
    public func warn(_ message: String) { log(colored("warning: ", "33") + message) }

    /// Begins a stage.
    func begin(_ stage: String) {
        state.withLock { state in
            let lineIsOpen = state.lineIsOpen
            state = State()
            state.lineIsOpen = lineIsOpen
            state.stage = stage
            state.stageStart = now()
            state.lastShown = state.stageStart
            if style.rewritesLine { show(&state) } else { write("\(stage): started\n") }
        }
    }

    /// Ends the running stage with one line.
    func end(_ message: String) {
        state.withLock { state in
            emit(colored(state.stage ?? "", "32") + ": \(message)", &state)
            state.stage = nil
        }
    }

    /// Ends the running stage without a line: an error will tell.
    func abandon() {
        state.withLock { state in
            if state.lineIsOpen { write("\r\u{1B}[K") }
            state.lineIsOpen = false
            state.stage = nil
        }
    }

    func beginProgress(total: Int?, unit: String, done: Int) {
        state.withLock { state in
            state.total = total
            state.unit = unit
            state.note = nil
            state.hasProgress = true
            state.inherited = done
            state.done = done
            state.progressStart = now()
            if style.rewritesLine { show(&state) }
        }
    }

    func advance(by count: Int, note: String?) {
        state.withLock { state in
            state.done += count
            if let note { state.note = note }
            showIfDue(&state)
        }
    }

    /// Brings the line up to date while the stage itself is silent.
    func tick() { state.withLock { if $0.stage != nil { showIfDue(&$0) } } }

    /// Ticks until cancelled.
    func startTicking() -> Task<Void, Never> {
        Task.detached { [self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(500))
                tick()
            }
        }
    }

    private func showIfDue(_ state: inout State) {
        let interval: Duration = style.rewritesLine ? .milliseconds(100) : .seconds(10)
        guard state.lastShown.duration(to: now()) >= interval else { return }
        show(&state)
    }

    private func show(_ state: inout State) {
        state.lastShown = now()
        let line = progressLine(state)
        if style.rewritesLine {
            write("\r\u{1B}[K" + String(line.prefix(max(20, style.width - 1))))
            state.lineIsOpen = true
        } else {
            write(line + "\n")
        }
    }

    /// "student: 120 of 300 steps (40%), 12.3 steps/s, 15 s left, loss 0.53".
    private func progressLine(_ state: State) -> String {
        let stage = state.stage ?? ""
        guard state.hasProgress else {
            return "\(stage): \(Readable.duration(state.stageStart.duration(to: now()).inSeconds))"
        }
        var parts: [String] = []
        let elapsed = state.progressStart.duration(to: now()).inSeconds
        let fresh = state.done - state.inherited
        let rate = elapsed > 0 ? Double(fresh) / elapsed : 0
        if let total = state.total {
            let percent = total > 0 ? state.done * 100 / total : 100
            parts.append(
                "\(Readable.count(state.done)) of \(Readable.count(total)) \(state.unit) (\(percent)%)")
        } else {
            parts.append("\(Readable.count(state.done)) \(state.unit)")
        }
        if fresh > 0, rate > 0 {
            parts.append("\(Readable.rate(rate)) \(state.unit)/s")
            if let total = state.total, total > state.done {
                parts.append("\(Readable.duration(Double(total - state.done) / rate)) left")
            }
        }
        if let note = state.note { parts.append(note) }
        return "\(stage): \(parts.joined(separator: ", "))"
    }

    private func emit(_ line: String, _ state: inout State) {
        write((state.lineIsOpen ? "\r\u{1B}[K" : "") + line + "\n")
        state.lineIsOpen = false
    }

    private func colored(_ text: String, _ code: String) -> String {
        style.isColored ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
