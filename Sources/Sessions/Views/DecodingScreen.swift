internal import Decoding

/// Draws a response that is being decoded: head, prompt, response, counters.
struct DecodingScreen {
    let style: TerminalStyle

    /// The lines of one picture, all narrower than the terminal and no more than fit.
    func lines(_ response: ResponseCells, columns: Int, rows: Int) -> [ScreenArea.Line] {
        // A line that reaches the last column makes some terminals begin the next one.
        let width = max(10, columns - 1)
        let head = self.head(response, width: width)
        let foot = self.foot(response, width: width)
        let layout = ResponseLayout(style: style, width: width).lines(response)
        let room = max(1, rows - 1 - head.count - foot.count)
        guard layout.lines.count > room else { return head + layout.lines + foot }
        // What is new stays in sight.
        let first = max(0, min(layout.newest - room / 2, layout.lines.count - room))
        let window = Array(layout.lines[first..<(first + room)])
        return Array((head + window + foot).suffix(max(1, rows - 1)))
    }

    /// All lines of the finished response, however many: they are to stay on the screen.
    func finalLines(_ response: ResponseCells, columns: Int) -> [ScreenArea.Line] {
        let width = max(10, columns - 1)
        return head(response, width: width) + ResponseLayout(style: style, width: width).lines(response).lines
            + foot(response, width: width)
    }

    private func head(_ response: ResponseCells, width: Int) -> [ScreenArea.Line] {
        guard let start = response.start else { return [] }
        let title = "\(start.model)  \(start.setting.summary)"
        let prompt = Printable.line(start.prompt.text, isUnicode: style.isUnicode)
        let notes = start.prompt.notes.map { line("Note: \($0)", "33", width) }
        return [line(title, "1", width), line("> " + prompt, "2", width)] + notes + [line("", "", width)]
    }

    private func foot(_ response: ResponseCells, width: Int) -> [ScreenArea.Line] {
        let counters = response.counters
        let length = response.start?.maximumLength ?? response.cells.count
        let count =
            "\(counters.tokens) of \(length) tokens  NFE \(counters.evaluations)"
            + "  TPF \(Decimal.text(counters.tokensPerForward, 2))"
            + "  \(Decimal.text(counters.tokensPerSecond, 0)) tokens/s"
        let ending =
            switch response.end?.reason {
            case .end: "  ended"
            case .length: "  ended at its length"
            case .cancelled: "  stopped"
            case nil: ""
            }
        return [line("", "", width), line(count + ending, "", width), legend(response.blocks, width)]
    }

    /// The scale of entropies, where there are colours, and the state of each block.
    private func legend(_ blocks: [BlockState], _ width: Int) -> ScreenArea.Line {
        var result = ScreenArea.Line(text: "", width: 0)
        func add(_ text: String, _ codes: String) {
            let fitted = DisplayWidth.fitted(text, width - result.width, ellipsis: "")
            result.text += style.styled(fitted, codes)
            result.width += DisplayWidth.of(fitted)
        }
        if style.isColored {
            add("entropy ", "")
            let names = EntropyScale.limits.map { "<\($0) " } + ["more"]
            for (name, color) in zip(names, EntropyScale.colors) { add(name, "38;5;\(color)") }
        }
        guard !blocks.isEmpty else { return result }
        add((result.width > 0 ? "  " : "") + "blocks ", "")
        add(String(blocks.map { $0.mark(isUnicode: style.isUnicode) }), "")
        return result
    }

    private func line(_ text: String, _ codes: String, _ width: Int) -> ScreenArea.Line {
        let fitted = DisplayWidth.fitted(text, width, ellipsis: style.isUnicode ? "…" : "...")
        return ScreenArea.Line(text: style.styled(fitted, codes), width: DisplayWidth.of(fitted))
    }
}

extension BlockState {
    /// One character for it.
    func mark(isUnicode: Bool) -> Character {
        switch self {
        case .inactive: isUnicode ? "·" : "."
        case .activated: isUnicode ? "▷" : "-"
        case .fullyActivated: isUnicode ? "▶" : ">"
        case .completedStabilizing: isUnicode ? "▣" : "+"
        case .completed: isUnicode ? "■" : "#"
        }
    }
}

/// Numbers with a fixed count of decimals.
enum Decimal {
    /// The number rounded to some decimals; a dash for what isn't finite.
    static func text(_ number: Double, _ decimals: Int) -> String {
        guard number.isFinite, abs(number) < 1e15 else { return "-" }
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let rounded = (abs(number) * scale).rounded()
        let whole = Int(rounded / scale)
        let sign = number < 0 && rounded > 0 ? "-" : ""
        guard decimals > 0 else { return "\(sign)\(whole)" }
        let rest = String(Int(rounded - Double(whole) * scale))
        return "\(sign)\(whole).\(String(repeating: "0", count: max(0, decimals - rest.count)))\(rest)"
    }
}
