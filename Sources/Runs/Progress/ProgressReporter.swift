internal import Base
import Synchronization
import SystemPackage

/// The one place that writes to the log (standard error): what each stage does, how fast, how long still.
///
/// On a terminal each running stage has a line below the log that is written over; elsewhere (files, CI) it gets a
/// line of its own every ten seconds. Messages may quote others (a file, a server, a record): they are made visible.
package final class ProgressReporter: Sendable {
    private struct State {
        var stages: [RunningStage] = []
        var nextNumber = 0
        var area = LiveArea()
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
    private let state = Mutex(State())

    /// A log that goes where `write` puts it.
    package init(
        style: Style, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        write: @escaping @Sendable (String) -> Void
    ) {
        self.style = style
        renderer = ProgressRenderer(isUnicode: style.isUnicode)
        self.write = write
        self.now = now
    }

    /// The log of a command: standard error.
    package static func standardError() -> ProgressReporter {
        // A log that can't be written (a closed pipe, a full disk) is no reason to stop the work.
        ProgressReporter(style: .forStandardError()) {
            _ = try? FileDescriptor.standardError.writeAll($0.utf8)
        }
    }

    /// A log that nobody reads.
    package static var silent: ProgressReporter { ProgressReporter(style: .plain) { _ in } }

    /// Writes a line.
    package func log(_ message: String) { state.withLock { emit(message.visibleLines, &$0) } }

    /// Writes a line that asks for attention.
    package func warn(_ message: String) {
        let message = message.visibleLines
        state.withLock { emit(colored("warning: ", "33") + message, plain: "warning: " + message, &$0) }
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

    /// Counts units that are done.
    func advance(_ id: RunningStage.ID, by count: Int, note: String?) {
        change(id) { stage, _ in
            stage.stretch?.done += count
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
        let lines = renderer.liveLines(state.stages, columns: size.columns, rows: size.rows, now: now)
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
