/// One sequence of a ragged batch.
public struct ForwardInput {
    /// Token ids, each inside the vocabulary.
    public var tokens: [Int32]
    /// Absolute position of the first token, for rotary positions and attention patterns; it need not follow the
    /// cache's length.
    public var firstPosition: Int
    public var attention: AttentionPattern
    /// Keys and values to attend to besides the input's own.
    public var cache: KeyValueCache?
    public var cacheUpdate: CacheUpdate
    /// Ascending indices into ``tokens`` of the rows whose logits are wanted.
    public var logitRows: [Int]

    public init(
        tokens: [Int32], firstPosition: Int = 0, attention: AttentionPattern = .bidirectional,
        cache: KeyValueCache? = nil, cacheUpdate: CacheUpdate = .none, logitRows: [Int]? = nil
    ) {
        self.tokens = tokens
        self.firstPosition = firstPosition
        self.attention = attention
        self.cache = cache
        self.cacheUpdate = cacheUpdate
        self.logitRows = logitRows ?? Array(tokens.indices)
    }
}

/// The rows of a ragged batch laid one sequence after another.
struct RaggedLayout {
    /// First packed row of each sequence, and the total at the end.
    var offsets: [Int]
    var positions: [Int32]
    var tokens: [Int32]
    /// Packed row of each wanted row of logits.
    var logitRows: [Int]

    var rows: Int { tokens.count }

    init(_ inputs: [ForwardInput], vocabulary: Int) {
        offsets = [0]
        tokens = []
        positions = []
        logitRows = []
        for input in inputs {
            let offset = tokens.count
            tokens += input.tokens
            for i in input.tokens.indices { positions.append(Int32(input.firstPosition + i)) }
            var previous = -1
            for row in input.logitRows {
                precondition(
                    row > previous && row < input.tokens.count,
                    "logits of row \(row) of \(input.tokens.count), after row \(previous)")
                previous = row
                logitRows.append(offset + row)
            }
            offsets.append(tokens.count)
        }
        for token in tokens {
            precondition(token >= 0 && Int(token) < vocabulary, "token \(token) of \(vocabulary)")
        }
    }

    func range(_ sequence: Int) -> Range<Int> { offsets[sequence]..<offsets[sequence + 1] }
}
