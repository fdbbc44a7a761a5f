internal import Decoding
internal import Dispatch
internal import JSON
internal import Synchronization
internal import SystemPackage

/// How an answer is shown while it is decoded.
package enum AnswerOutput: Sendable {
    /// In place, in a terminal.
    case live(TerminalStyle, pace: Duration)
    /// One line per step.
    case plain
    /// One JSON object per event.
    case json
    /// The answer alone, when it is there.
    case answer

    /// Decodes a prompt and shows it.
    ///
    /// Ctrl-C stops decoding; the outcome says so.
    /// - Throws: what decoding throws; an error of standard output.
    package func decode(
        _ session: DecodingSession, _ prompt: LivePrompt, seed: UInt64?
    ) throws -> DecodingEvent.End {
        if case .live(let style, let pace) = self {
            return try LiveView(style, pace: pace).decode(session, prompt, seed: seed)
        }
        TerminalGuard.begin(hidesCursor: false)
        defer { TerminalGuard.end() }
        let failure = Failure()
        let end = try session.decode(prompt, seed: seed) {
            TerminalGuard.isInterrupted || failure.error != nil
        } observe: { event in
            do { try write(event) } catch { failure.error = failure.error ?? error }
        }
        if let error = failure.error { throw error }
        return end
    }

    private final class Failure { var error: (any Error)? }

    private func write(_ event: DecodingEvent) throws {
        let bytes: [UInt8]
        switch self {
        case .live: return
        case .plain: bytes = Array(PlainText().lines(event).utf8)
        case .json: bytes = Array(try event.json.printedText(isCompact: true).utf8)
        case .answer:
            guard case .end(let end) = event else { return }
            bytes = Array((PlainText().answer(end.text) + "\n").utf8)
        }
        _ = try FileDescriptor.standardOutput.writeAll(bytes)
    }
}

extension DecodingSession {
    /// Decodes with random numbers that a seed names.
    func decode(
        _ prompt: LivePrompt, seed: UInt64?, shouldStop: @escaping () -> Bool,
        observe: @escaping (DecodingEvent) -> Void
    ) throws -> DecodingEvent.End {
        try decode(
            prompt, sampling: seed.map { Sampling(seed: $0, sample: 0) }, shouldStop: shouldStop,
            observe: observe)
    }
}

/// What happens while a response is decoded, one line per step and without escape sequences.
package struct PlainText: Sendable {
    private let isUnicode: Bool

    /// - Parameter isUnicode: whether the output may hold characters beyond ASCII.
    package init(isUnicode: Bool = true) { self.isUnicode = isUnicode }

    /// The lines of an event, each with its line break.
    package func lines(_ event: DecodingEvent) -> String {
        switch event {
        case .start(let start):
            let notes = start.prompt.notes.map { "note: \(printable($0))\n" }.joined()
            let remark = start.setting.remark.map { "\(printable($0))\n" } ?? ""
            return "\(start.model): \(start.setting.summary)\n" + remark
                + "prompt, \(start.prompt.tokens.count) tokens: \(printable(start.prompt.text))\n" + notes
        case .step(let step):
            let counters = step.counters
            return
                "step \(step.index + 1): \(step.kind.rawValue) \(step.inputs.lowerBound)..<\(step.inputs.upperBound)"
                + ", NFE \(counters.evaluations), TPF \(Decimal.text(counters.tokensPerForward, 2))"
                + (step.tokens.isEmpty ? ", nothing decided" : ": " + tokens(step.tokens)) + "\n"
        case .end(let end):
            let counters = end.counters
            let reason =
                switch end.reason {
                case .end: "end token"
                case .length: "full length"
                case .cancelled: "stopped"
                }
            return "\(reason): \(counters.tokens) tokens, NFE \(counters.evaluations)"
                + ", TPF \(Decimal.text(counters.tokensPerForward, 2))"
                + ", \(Decimal.text(counters.tokensPerSecond, 0)) tokens/s\n\(answer(end.text))\n"
                + (end.verdict.map { "\(printable($0.sentence))\n" } ?? "")
        }
    }

    /// A response with its line breaks, but nothing that a terminal would obey.
    package func answer(_ text: String) -> String {
        String(
            // by Character: a line break is one alone, whatever stands beside it
            text.map { $0 == "\n" || $0 == "\t" ? $0 : Printable.character($0, isUnicode: isUnicode) })
    }

    /// `5 "seven" 0.02, …`: position, text and entropy; what follows an end token is only counted.
    private func tokens(_ tokens: [DecodingEvent.Token]) -> String {
        var parts: [String] = []
        for token in tokens where !token.isEnd || token.entropy != nil {
            let text = token.isEnd ? "end" : "\"\(printable(String(decoding: token.bytes, as: UTF8.self)))\""
            parts.append(
                "\(token.position) \(text)" + (token.entropy.map { " \(Decimal.text($0, 2))" } ?? ""))
        }
        let filled = tokens.count { $0.isEnd && $0.entropy == nil }
        if filled > 0 { parts.append("\(filled) filled behind the end") }
        return parts.joined(separator: ", ")
    }

    private func printable(_ text: String) -> String {
        String(text.map { Printable.character($0, isUnicode: isUnicode) })
    }
}

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
