internal import Decoding
internal import JSON
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
