internal import Decoding

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
