internal import Base
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
        let remark = start.setting.remark.map {
            line(Printable.line($0, isUnicode: style.isUnicode), "2", width)
        }
        return [line(title, "1", width)] + (remark.map { [$0] } ?? [])
            + [line("> " + prompt, "2", width)] + notes + [line("", "", width)]
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
        let verdict = response.end?.verdict.map { verdict in
            line(
                Printable.line(verdict.sentence, isUnicode: style.isUnicode),
                verdict.isCorrect.map { $0 ? "32" : "31" } ?? "33", width)
        }
        return [line("", "", width), line(count + ending, "", width)] + (verdict.map { [$0] } ?? [])
            + [legend(response.blocks, width)]
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

/// Breaks a response into lines of a width, with borders between blocks and colours for entropies.
struct ResponseLayout {
    let style: TerminalStyle
    let width: Int

    /// One thing on the screen that isn't parted.
    private struct Atom {
        var text: String
        var width: Int
        var codes: String
        /// Whether a line may break behind it.
        var breaks = false
        var isNewline = false
        var isSpace = false
    }

    /// The lines, and the number of the last one on which something is new.
    func lines(_ response: ResponseCells) -> (lines: [ScreenArea.Line], newest: Int) {
        var lines: [ScreenArea.Line] = []
        var newest = 0
        var line = ScreenArea.Line(text: "", width: 0)
        var word: [Atom] = []
        func endLine() {
            lines.append(line)
            line = ScreenArea.Line(text: "", width: 0)
        }
        func place(_ atom: Atom) {
            if line.width + atom.width > width { endLine() }
            if atom.isSpace, line.width == 0 { return }
            line.text += style.styled(atom.text, atom.codes)
            line.width += atom.width
            if atom.codes.byteText.hasSuffix(Self.newCode) { newest = lines.count }
        }
        func endWord() {
            let total = word.reduce(0) { $0 + $1.width }
            if line.width > 0, line.width + total > width, total <= width { endLine() }
            word.forEach(place)
            word = []
        }
        for atom in atoms(response) {
            if atom.isNewline {  // not text: a property of the atom
                endWord()
                endLine()
            } else if atom.isSpace {
                endWord()
                if line.width < width { place(atom) }
            } else {
                word.append(atom)
                if atom.breaks { endWord() }
            }
        }
        endWord()
        if line.width > 0 || lines.isEmpty { endLine() }
        return (lines, newest)
    }

    /// Marks tokens that the last forward decided; last among codes, so that it can be told.
    private static let newCode = ";1;4"

    private func atoms(_ response: ResponseCells) -> [Atom] {
        let separator = response.start?.tokenSeparator ?? ""
        let blockLength = response.start?.blockLength ?? .max
        let shown = response.endPosition.map { $0 + 1 } ?? response.cells.count
        var atoms: [Atom] = []
        var text = TextRun()
        func endText() {
            for (character, position) in text.characters() {
                atoms.append(atom(character, response.cells[position]))
            }
            text = TextRun()
        }
        for position in 0..<shown {
            if position > 0, position % blockLength == 0 {
                endText()
                if !separator.isEmpty { atoms.append(space) }
                atoms.append(Atom(text: style.isUnicode ? "│" : "|", width: 1, codes: "2", breaks: true))
            }
            let cell = response.cells[position]
            if position > 0, !separator.isEmpty {
                endText()
                atoms.append(space)
            }
            guard let token = cell.token else {
                endText()
                let mask = style.isUnicode ? "··" : "__"
                atoms.append(Atom(text: mask, width: 2, codes: "2", breaks: true))
                continue
            }
            if token.isEnd {
                endText()
                atoms.append(
                    Atom(text: style.isUnicode ? "■" : "#", width: 1, codes: codes(cell), breaks: true))
            } else {
                text.append(token.bytes, position)
            }
        }
        endText()
        return atoms
    }

    private var space: Atom { Atom(text: " ", width: 1, codes: "", isSpace: true) }

    private func atom(_ character: Character, _ cell: ResponseCells.Cell) -> Atom {
        if character == "\n" || character == "\r\n" {
            return Atom(text: "", width: 0, codes: "", isNewline: true)
        }
        if character == "\t" { return Atom(text: "    ", width: 4, codes: "", isSpace: true) }
        let shown = Printable.character(character, isUnicode: style.isUnicode)
        return Atom(
            text: String(shown), width: DisplayWidth.of(shown), codes: shown == " " ? "" : codes(cell),
            breaks: DisplayWidth.of(shown) == 2, isSpace: shown == " ")
    }

    private func codes(_ cell: ResponseCells.Cell) -> String {
        let color = cell.token?.entropy.map { "38;5;\(EntropyScale.colors[EntropyScale.step($0)])" } ?? "2"
        return color + (cell.isNew ? Self.newCode : "")
    }
}

/// Bytes of neighbouring tokens, which only together are text.
private struct TextRun {
    private var bytes: [UInt8] = []
    private var owners: [Int] = []

    mutating func append(_ new: [UInt8], _ position: Int) {
        bytes += new
        owners += repeatElement(position, count: new.count)
    }

    /// The characters, each with the position of the token that completed it.
    func characters() -> [(Character, Int)] {
        var text = ""
        var scalarOwners: [Int] = []
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var offset = 0
        parsing: while true {
            switch parser.parseScalar(from: &iterator) {
            case .valid(let encoded):
                text.unicodeScalars.append(Unicode.UTF8.decode(encoded))
                offset += encoded.count
            case .error(let length):
                text.unicodeScalars.append("\u{FFFD}")
                offset += length
            case .emptyInput: break parsing
            }
            scalarOwners.append(owners[min(offset, owners.count) - 1])
        }
        var next = 0
        return text.map { character in
            next += character.unicodeScalars.count
            return (character, scalarOwners[next - 1])
        }
    }
}

/// The response as the events up to now tell it: what every view draws.
struct ResponseCells {
    /// One position.
    struct Cell: Hashable {
        /// Nil for a mask.
        var token: DecodingEvent.Token?
        /// Whether the last event decided it.
        var isNew = false
    }

    private(set) var cells: [Cell] = []
    private(set) var start: DecodingEvent.Start?
    private(set) var counters = DecodingEvent.Counters(tokens: 0, evaluations: 0, forwards: 0, seconds: 0)
    private(set) var blocks: [BlockState] = []
    private(set) var end: DecodingEvent.End?

    mutating func take(_ event: DecodingEvent) {
        switch event {
        case .start(let start): self.start = start
        case .step(let step):
            blocks = step.blocks
            counters = step.counters
            write(step.tokens, length: step.length)
        case .end(let end):
            counters = end.counters
            self.end = end
            write(end.tokens, length: end.length)
            for index in cells.indices { cells[index].isNew = false }
            blocks = blocks.map { end.reason == .cancelled ? $0 : $0 == .inactive ? $0 : .completed }
        }
    }

    private mutating func write(_ tokens: [DecodingEvent.Token], length: Int) {
        for index in cells.indices { cells[index].isNew = false }
        while cells.count < length { cells.append(Cell()) }
        for token in tokens where cells.indices.contains(token.position) {
            cells[token.position] = Cell(token: token, isNew: true)
        }
    }

    /// The position of the first end token; what follows is padding.
    var endPosition: Int? { cells.firstIndex { $0.token?.isEnd == true } }
}
