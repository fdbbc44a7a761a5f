internal import Decoding

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
            return "\(start.model): \(start.setting.summary)\n"
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
