internal import Base
import Recipes
import Synchronization
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The one place that writes to the log (standard error): what each stage does, how fast, how long still.
///
/// On a terminal each running stage has a line below the log that is written over; elsewhere (files, CI) it gets a
/// line of its own every ten seconds. Messages may quote others (a file, a server, a record): they are made visible.
package final class ProgressReporter: Sendable {
    private struct State {
        var stages: [RunningStage] = []
        var nextNumber = 0
        var area = LiveArea()
        /// How far the whole run is, below the stages.
        var whole: String?
        var lastDrawn: ContinuousClock.Instant?
        var record: (@Sendable (String) -> Void)?
    }

    /// Between two drawings on a terminal.
    private static let drawingInterval = Duration.milliseconds(100)
    /// Between two lines of a stage in a log whose lines stay.
    private static let plainInterval = Duration.seconds(10)
    /// Between two lines of a stage in the record of the log.
    private static let recordInterval = Duration.seconds(60)

    private let style: Style
    private let renderer: ProgressRenderer
    private let write: @Sendable (String) -> Void
    private let now: @Sendable () -> ContinuousClock.Instant
    private let events: (@Sendable (ProgressEvent) -> Void)?
    private let state = Mutex(State())

    /// A log that goes where `write` puts it.
    ///
    /// - Parameter events: Is told the same, one call after another.
    package init(
        style: Style, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        events: (@Sendable (ProgressEvent) -> Void)? = nil, write: @escaping @Sendable (String) -> Void
    ) {
        self.style = style
        self.events = events
        renderer = ProgressRenderer(isUnicode: style.isUnicode)
        self.write = write
        self.now = now
    }

    /// The log of a command: standard error.
    ///
    /// - Parameter events: Is told the same, for programs.
    package static func standardError(events: (@Sendable (ProgressEvent) -> Void)? = nil) -> ProgressReporter
    {
        // A log that can't be written (a closed pipe, a full disk) is no reason to stop the work.
        ProgressReporter(style: events == nil ? .forStandardError() : .plain, events: events) {
            _ = try? FileDescriptor.standardError.writeAll($0.utf8)
        }
    }

    /// A log that nobody reads.
    package static var silent: ProgressReporter { ProgressReporter(style: .plain) { _ in } }

    /// Writes a line.
    package func log(_ message: String) {
        state.withLock {
            events?(.said(message, isWarning: false))
            emit(message.visibleLines, &$0)
        }
    }

    /// Writes a line that asks for attention.
    package func warn(_ message: String) {
        let message = message.visibleLines
        state.withLock {
            events?(.said(message, isWarning: true))
            emit(colored("warning: ", "33") + message, plain: "warning: " + message, &$0)
        }
    }

    /// Gives every line that stays to `record` also, without colours; nil ends that.
    func copy(to record: (@Sendable (String) -> Void)?) { state.withLock { $0.record = record } }

    /// Writes a line to the record only: what the caller tells people otherwise.
    func recordOnly(_ message: String) { state.withLock { $0.record?(message.visibleLines) } }

    /// Gives a stage a line.
    ///
    /// - Parameter waiting: What it waits for; nil when it works.
    func begin(_ label: String, waiting: String? = nil) -> RunningStage.ID {
        let (label, waiting) = (label.visible, waiting?.visible)
        return state.withLock { state in
            let id = RunningStage.ID(number: state.nextNumber)
            state.nextNumber += 1
            var stage = RunningStage(id, label: label, now: now())
            stage.waiting = waiting
            state.stages.append(stage)
            events?(.began(label, waiting: waiting))
            let line = "\(label): \(waiting ?? "started")"
            state.record?(line)
            if style.rewritesLines { draw(&state) } else { write(line + "\n") }
            return id
        }
    }

    /// Takes a stage's line away and leaves one that stays; none without a message.
    package func end(_ id: RunningStage.ID, _ message: String? = nil) {
        let message = message?.visible
        state.withLock { state in
            guard let index = state.stages.firstIndex(where: { $0.id == id }) else { return }
            let label = state.stages.remove(at: index).label
            events?(.ended(label, message))
            if let message {
                emit("\(colored(label, "32")): \(message)", plain: "\(label): \(message)", &state)
            } else if style.rewritesLines {
                draw(&state)
            }
        }
    }

    /// Begins a stretch of countable work of a stage.
    func beginStretch(_ id: RunningStage.ID, total: Int?, unit: String, done: Int) {
        change(id) { stage, now in
            stage.stretch = .init(total: total, unit: unit, inherited: done, done: done, start: now)
            stage.note = nil
        }
    }

    /// What the line of the whole run says, below those of its stages on a terminal; nil for none.
    func tell(whole: String?) { state.withLock { $0.whole = whole?.visible } }

    /// The stages that have lines, and what time it is for them.
    var running: (stages: [RunningStage], now: ContinuousClock.Instant) {
        state.withLock { ($0.stages, now()) }
    }

    /// Counts units that are done.
    func advance(_ id: RunningStage.ID, by count: Int, note: String?) {
        change(id) { stage, now in
            stage.stretch?.advance(by: count, now)
            if let note { stage.note = note.visible }
        }
    }

    private func change(
        _ id: RunningStage.ID, _ body: (inout RunningStage, ContinuousClock.Instant) -> Void
    ) {
        state.withLock { state in
            guard let index = state.stages.firstIndex(where: { $0.id == id }) else { return }
            body(&state.stages[index], now())
            showIfDue(&state)
        }
    }

    /// Brings the lines up to date while stages are silent; called several times a second.
    func tick() { state.withLock { showIfDue(&$0) } }

    private func showIfDue(_ state: inout State) {
        let now = now()
        for index in state.stages.indices {
            let stage = state.stages[index]
            let isDue = !style.rewritesLines && stage.lastShown.duration(to: now) >= Self.plainInterval
            let isRecordDue =
                state.record != nil && stage.lastRecorded.duration(to: now) >= Self.recordInterval
            guard isDue || isRecordDue else { continue }
            let line = renderer.plainLine(stage, now: now)
            if isDue {
                state.stages[index].lastShown = now
                if let events, let stretch = stage.stretch {
                    events(
                        .progressed(
                            stage.label, done: stretch.done, total: stretch.total, unit: stretch.unit,
                            note: stage.note))
                }
                write(line + "\n")
            }
            if isRecordDue {
                state.stages[index].lastRecorded = now
                state.record?(line)
            }
        }
        guard style.rewritesLines, !state.stages.isEmpty,
            state.lastDrawn.map({ $0.duration(to: now) >= Self.drawingInterval }) ?? true
        else { return }
        draw(&state)
    }

    private func draw(_ state: inout State) {
        let now = now()
        let size = style.size()
        state.lastDrawn = now
        var lines = renderer.liveLines(
            state.stages, columns: size.columns, rows: size.rows - (state.whole == nil ? 0 : 1), now: now)
        if let whole = state.whole { lines.append(String(whole.prefix(max(20, size.columns - 1)))) }
        write(state.area.show(lines, columns: size.columns))
    }

    /// Writes a line above the live area.
    private func emit(_ line: String, plain: String? = nil, _ state: inout State) {
        state.record?(plain ?? line)
        let erasure = state.area.erase(columns: style.size().columns)
        write(erasure + line + "\n")
        if style.rewritesLines, !state.stages.isEmpty { draw(&state) }
    }

    private func colored(_ text: String, _ code: String) -> String {
        style.isColored ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

/// The lines at the bottom of a terminal that are written over.
struct LiveArea: Sendable {
    /// The width of each line on the screen; the cursor stands behind the last.
    private var widths: [Int] = []

    package var isEmpty: Bool { widths.isEmpty }

    /// The text that takes the area away and leaves the cursor where it began.
    ///
    /// - Parameter columns: The terminal's width now: when it has become narrower, lines take more than one row.
    mutating func erase(columns: Int) -> String {
        guard !widths.isEmpty else { return "" }
        let rows = widths.reduce(0) { $0 + max(1, ($1 + columns - 1) / max(1, columns)) }
        widths = []
        return "\r" + (rows > 1 ? "\u{1B}[\(rows - 1)A" : "") + "\u{1B}[J"
    }

    /// The text that replaces the area by these lines.
    mutating func show(_ lines: [String], columns: Int) -> String {
        let text = erase(columns: columns) + lines.joined(separator: "\n")
        widths = lines.map(\.count)
        return text
    }
}

extension ProgressReporter {
    /// Gives a piece of work that is no stage a line of its own, until ``TaskProgress/end(_:)``.
    ///
    /// - Parameters:
    ///   - label: What it is called.
    ///   - total: How many units there are; nil when that isn't known.
    ///   - unit: What is counted, in the plural.
    package func task(_ label: String, total: Int?, unit: String) -> TaskProgress {
        let line = begin(label)
        beginStretch(line, total: total, unit: unit, done: 0)
        return TaskProgress(reporter: self, line: line)
    }
}

/// The line of a piece of work that is no stage.
package struct TaskProgress: Sendable {
    package let reporter: ProgressReporter
    package let line: RunningStage.ID

    /// Counts units that are done.
    package func advance(by count: Int) { reporter.advance(line, by: count, note: nil) }

    /// Takes the line away and leaves one that stays; none without a message.
    package func end(_ message: String? = nil) { reporter.end(line, message) }
}

/// Turns the state of running stages into lines; knows neither clock nor terminal.
struct ProgressRenderer: Sendable {
    /// Characters of a bar's full and empty parts.
    let bar: (full: Character, empty: Character)

    package init(isUnicode: Bool) { bar = isUnicode ? ("█", "░") : ("#", "-") }

    /// For a log whose lines stay: "student: 120 of 300 steps (40%), 12.3 steps/s, 15 s left, loss 0.53".
    func plainLine(_ stage: RunningStage, now: ContinuousClock.Instant) -> String {
        if let waiting = stage.waiting { return "\(stage.label): \(waiting)" }
        guard let count = stage.count else {
            return "\(stage.label): \(Readable.duration(stage.start.duration(to: now).inSeconds))"
        }
        let percent = stage.share.map { " (\(Int($0 * 100))%)" } ?? ""
        return "\(stage.label): \(([count + percent] + stage.details(now)).joined(separator: ", "))"
    }

    /// For a terminal: one line per stage, all of them as wide as the terminal at most, the last one saying how many
    /// more there are when they don't fit.
    func liveLines(_ stages: [RunningStage], columns: Int, rows: Int, now: ContinuousClock.Instant)
        -> [String]
    {
        // A line that reaches the last column makes some terminals begin the next one.
        let width = max(20, columns - 1)
        // Above the area there should be something of the log to see.
        let limit = max(1, rows - 2)
        let shown = stages.count > limit ? Array(stages.prefix(limit - 1)) : stages
        let labelWidth = min(shown.map(\.label.count).max() ?? 0, max(12, width / 3))
        var lines = shown.map { String(liveLine($0, labelWidth, width, now).prefix(width)) }
        if shown.count < stages.count { lines.append("and \(stages.count - shown.count) more") }
        return lines
    }

    private func liveLine(
        _ stage: RunningStage, _ labelWidth: Int, _ width: Int, _ now: ContinuousClock.Instant
    ) -> String {
        let label = Self.fitted(stage.label, labelWidth)
        if let waiting = stage.waiting { return "\(label)  \(waiting)" }
        guard let count = stage.count else {
            return "\(label)  \(Readable.duration(stage.start.duration(to: now).inSeconds))"
        }
        var (barred, bare) = (label, label)
        if let share = stage.share {
            let percent = "\(Int(share * 100))%"
            let space = String(repeating: " ", count: 5 - percent.count)
            barred += "  \(bar(share, width: max(5, min(20, (width - labelWidth) / 4))))\(space)\(percent)"
            bare += "\(space)\(percent)"
        }
        let whole = "\(barred)  \(([count] + stage.details(now)).joined(separator: ", "))"
        // The note is the loss, which says more than the bar, the unit and the rate do.
        guard whole.count > width, let note = stage.note else { return whole }
        let (short, rate, left) = (stage.shortCount ?? count, stage.shortRate(now), stage.left(now))
        let shorter = [
            "\(barred)  \([short, rate, left, note].compactMap(\.self).joined(separator: ", "))",
            "\(bare)  \([short, rate, left, note].compactMap(\.self).joined(separator: ", "))",
            "\(bare)  \([short, left, note].compactMap(\.self).joined(separator: ", "))",
            "\(bare)  \([short, note].joined(separator: ", "))",
        ]
        return shorter.first { $0.count <= width } ?? whole
    }

    private func bar(_ share: Double, width: Int) -> String {
        let full = Int(share * Double(width))
        return String(repeating: bar.full, count: full) + String(repeating: bar.empty, count: width - full)
    }

    /// A label of exactly this width; of a long one, beginning and end, which tell variants apart.
    static func fitted(_ label: String, _ width: Int) -> String {
        guard label.count > width else { return label + String(repeating: " ", count: width - label.count) }
        let tail = width / 2
        return label.prefix(width - tail - 1) + "…" + label.suffix(tail)
    }
}

extension ProgressReporter {
    /// How the log looks.
    package struct Style: Sendable {
        /// Whether the lines of running stages are written over.
        package var rewritesLines: Bool
        /// Whether escape sequences may colour it.
        package var isColored: Bool
        /// Whether bars may be drawn with characters beyond ASCII.
        package var isUnicode: Bool
        /// Columns and rows of the terminal now; lines are cut to the one, their number to the other.
        package var size: @Sendable () -> (columns: Int, rows: Int)

        /// A style for a terminal of a size that doesn't change.
        package init(
            rewritesLines: Bool, isColored: Bool, isUnicode: Bool = true, columns: Int = 80, rows: Int = 24
        ) {
            self.init(rewritesLines: rewritesLines, isColored: isColored, isUnicode: isUnicode) {
                (columns, rows)
            }
        }

        /// A style for a terminal whose size is asked for each time.
        package init(
            rewritesLines: Bool, isColored: Bool, isUnicode: Bool,
            size: @escaping @Sendable () -> (columns: Int, rows: Int)
        ) {
            self.rewritesLines = rewritesLines
            self.isColored = isColored
            self.isUnicode = isUnicode
            self.size = size
        }

        /// For a file.
        package static let plain = Style(rewritesLines: false, isColored: false)

        /// What fits the standard error of this process.
        ///
        /// `NO_COLOR` (no-color.org) and `TERM=dumb` are honoured; bars are drawn in ASCII where the locale isn't
        /// UTF-8.
        package static func forStandardError() -> Style {
            guard isatty(2) == 1, let terminal = variable("TERM"), terminal != "dumb" else { return .plain }
            let locale = variable("LC_ALL") ?? variable("LC_CTYPE") ?? variable("LANG") ?? ""
            let encoding = locale.uppercased()
            return Style(
                rewritesLines: true, isColored: variable("NO_COLOR") == nil,
                isUnicode: encoding.byteText.contains("UTF-8") || encoding.byteText.contains("UTF8"),
                size: terminalSize)
        }

        private static func terminalSize() -> (columns: Int, rows: Int) {
            var size = winsize()
            guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return (80, 24) }
            return (Int(size.ws_col), size.ws_row > 0 ? Int(size.ws_row) : 24)
        }

        /// The value of a variable that is set and not empty.
        private static func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        }
    }
}
