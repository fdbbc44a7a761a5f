internal import Decoding
internal import Dispatch
internal import Synchronization
internal import SystemPackage

/// Decodes a response and draws it in the terminal while it comes to be.
///
/// Decoding has a thread of its own, so that the picture follows the size of the terminal during long forwards.
package struct LiveView: Sendable {
    private let style: TerminalStyle
    private let pace: Duration

    /// - Parameter pace: the least time from one forward to the next, so that people can follow a fast model.
    package init(_ style: TerminalStyle, pace: Duration = .zero) {
        self.style = style
        self.pace = pace
    }

    private final class Shared: Sendable {
        struct State {
            var response = ResponseCells()
            var version = 0
            var result: Result<DecodingEvent.End, any Error>?
        }

        let state = Mutex(State())
        let changed = DispatchSemaphore(value: 0)
    }

    /// Decodes and draws; the finished response stays on the screen.
    ///
    /// The first Ctrl-C stops decoding, a second one the process; the cursor is back in any case.
    /// - Throws: what decoding throws.
    package func decode(
        _ session: DecodingSession, _ prompt: LivePrompt, seed: UInt64?
    ) throws -> DecodingEvent.End {
        TerminalGuard.begin(hidesCursor: true)
        defer { TerminalGuard.end() }
        let shared = Shared()
        DispatchQueue(label: "decoding").async { [pace] in
            let result = Result<DecodingEvent.End, any Error> {
                try session.decode(prompt, sampling: seed.map { Sampling(seed: $0, sample: 0) }) {
                    TerminalGuard.isInterrupted
                } observe: { event in
                    shared.state.withLock {
                        $0.response.take(event)
                        $0.version += 1
                    }
                    shared.changed.signal()
                    if case .step = event { Self.wait(pace) }
                }
            }
            shared.state.withLock { $0.result = result }
            shared.changed.signal()
        }
        return try draw(shared)
    }

    private func draw(_ shared: Shared) throws -> DecodingEvent.End {
        let screen = DecodingScreen(style: style)
        var area = ScreenArea()
        var drawn = (version: 0, columns: 0, rows: 0)
        while true {
            _ = shared.changed.wait(timeout: .now() + .milliseconds(100))
            let (response, version, result) = shared.state.withLock { ($0.response, $0.version, $0.result) }
            let size = TerminalStyle.size()
            if let result {
                let lines = screen.finalLines(response, columns: size.columns)
                let text =
                    response.start == nil ? "" : lines.map(\.text).joined(separator: "\r\n") + "\r\n"
                put(area.erase(columns: size.columns) + text)
                return try result.get()
            }
            guard version > 0, drawn != (version, size.columns, size.rows) else { continue }
            drawn = (version, size.columns, size.rows)
            put(
                area.show(
                    screen.lines(response, columns: size.columns, rows: size.rows), columns: size.columns))
        }
    }

    private static func wait(_ pace: Duration) {
        let start = ContinuousClock.now
        while start.duration(to: .now) < pace, !TerminalGuard.isInterrupted {
            DispatchSemaphore(value: 0).waitBriefly()
        }
    }

    /// A terminal that can't be written to is no reason to stop.
    private func put(_ text: String) { _ = try? FileDescriptor.standardOutput.writeAll(text.utf8) }
}

extension DispatchSemaphore {
    fileprivate func waitBriefly() { _ = wait(timeout: .now() + .milliseconds(5)) }
}
