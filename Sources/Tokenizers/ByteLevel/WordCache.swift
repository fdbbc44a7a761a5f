/// Tokens of words that were encoded before, up to a fixed amount of memory.
///
/// When it is full it is emptied: text repeats its words within a short distance, and bookkeeping for each use would
/// cost more than encoding a word again now and then.
struct WordCache {
    /// Longer words aren't kept; they hardly repeat.
    static let longestWord = 128
    private static let entryLimit = 1 << 15
    /// Limits of the arrays that hold bytes and tokens, so that many long words don't add up.
    private static let arenaLimit = 1 << 20

    private struct Entry {
        let hash: UInt32
        let keyStart: UInt32
        let piecesStart: UInt32
        let keyCount: UInt16
        let piecesCount: UInt16
    }

    private var slots = [UInt16](repeating: 0, count: 1 << 16)
    private var entries: [Entry] = []
    private var keys: [UInt8] = []
    private var pieces: [TokenPiece] = []

    /// The tokens of `word` through `use`, encoded by `encode` if they aren't known.
    mutating func withPieces(
        of word: UnsafeBufferPointer<UInt8>,
        encode: (inout [TokenPiece]) -> Void, use: (UnsafeBufferPointer<TokenPiece>) -> Void
    ) {
        let hash = word.quickHash
        var slot = Int(truncatingIfNeeded: hash) & 0xFFFF
        while slots[slot] != 0 {
            let entry = entries[Int(slots[slot]) - 1]
            if entry.hash == UInt32(truncatingIfNeeded: hash >> 32), Int(entry.keyCount) == word.count,
                keys.withUnsafeBufferPointer({ keys in
                    let start = Int(entry.keyStart)
                    return keys[start..<(start + word.count)].elementsEqual(word)
                })
            {
                return pieces.withUnsafeBufferPointer { pieces in
                    let start = Int(entry.piecesStart)
                    use(UnsafeBufferPointer(rebasing: pieces[start..<(start + Int(entry.piecesCount))]))
                }
            }
            slot = (slot + 1) & 0xFFFF
        }
        if entries.count == Self.entryLimit || keys.count + word.count > Self.arenaLimit
            || pieces.count + word.count > Self.arenaLimit
        {
            removeAll()
            slot = Int(truncatingIfNeeded: hash) & 0xFFFF
        }
        let start = pieces.count
        encode(&pieces)
        entries.append(
            Entry(
                hash: UInt32(truncatingIfNeeded: hash >> 32), keyStart: UInt32(keys.count),
                piecesStart: UInt32(start), keyCount: UInt16(word.count),
                piecesCount: UInt16(pieces.count - start)))
        keys.append(contentsOf: word)
        slots[slot] = UInt16(entries.count)
        pieces.withUnsafeBufferPointer { use(UnsafeBufferPointer(rebasing: $0[start...])) }
    }

    private mutating func removeAll() {
        slots = [UInt16](repeating: 0, count: slots.count)
        entries.removeAll(keepingCapacity: true)
        keys.removeAll(keepingCapacity: true)
        pieces.removeAll(keepingCapacity: true)
    }
}
