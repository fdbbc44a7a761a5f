/// Byte pair encoding of words: the model of a byte-level `tokenizer.json`.
///
/// Words are bytes here, not the characters that stand for them in the file; the result is the same.
struct BytePairModel: Sendable {
    let vocabulary: Vocabulary
    let merges: MergeTable
    /// Whether a word that is a token becomes it at once, even if no merges lead there.
    let ignoresMerges: Bool
    /// Stands for bytes without a token; without it they are dropped.
    let unknownId: Int32?
    /// Whether neighbouring unknown bytes share one unknown token.
    let fusesUnknown: Bool
    /// The token of each byte, or -1.
    private let byteIds: [Int32]

    init(
        vocabulary: Vocabulary, merges: MergeTable, ignoresMerges: Bool, unknownId: Int32?,
        fusesUnknown: Bool
    ) {
        self.vocabulary = vocabulary
        self.merges = merges
        self.ignoresMerges = ignoresMerges
        self.unknownId = unknownId
        self.fusesUnknown = fusesUnknown
        byteIds = (UInt8.min...UInt8.max).map { byte in
            withUnsafePointer(to: byte) {
                vocabulary.id(ofBytes: UnsafeBufferPointer(start: $0, count: 1)) ?? -1
            }
        }
    }

    /// Appends the tokens of `word` to `pieces`.
    func encode(
        _ word: UnsafeBufferPointer<UInt8>, _ merger: inout PairMerger, into pieces: inout [TokenPiece]
    ) {
        if ignoresMerges, let id = vocabulary.id(ofBytes: word) {
            pieces.append(TokenPiece(id: id, start: 0, end: UInt32(word.count)))
            return
        }
        merger.reset()
        /// Whether the byte before was unknown.
        var follows = false
        for (offset, byte) in word.enumerated() {
            let end = UInt32(offset + 1)
            let id = byteIds[Int(byte)]
            if id >= 0 {
                merger.append(TokenPiece(id: id, start: UInt32(offset), end: end))
            } else if let unknownId {
                if fusesUnknown, follows {
                    merger.extendLast(to: end)
                } else {
                    merger.append(TokenPiece(id: unknownId, start: UInt32(offset), end: end))
                }
            }
            follows = id < 0
        }
        merger.merge(by: merges, into: &pieces)
    }
}

/// A token and the bytes of the word that it covers.
struct TokenPiece: Sendable, Equatable {
    var id: Int32
    var start: UInt32
    var end: UInt32
}
