internal import HeapModule

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

/// Which pairs of tokens merge, how early, and into what.
struct MergeTable: Sendable {
    /// One merge.
    struct Merge: Sendable {
        /// The place in the list of merges; lower ranks are carried out first.
        let rank: UInt32
        /// The token that comes out.
        let id: Int32
    }

    /// Open addressing; `UInt64.max` marks an empty slot and is no pair, because ids are positive.
    private var keys: [UInt64]
    private var merges: [Merge]
    private let mask: Int
    private let secrets = HashSecrets.own

    /// Room for `capacity` pairs.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        keys = [UInt64](repeating: .max, count: size)
        merges = [Merge](repeating: Merge(rank: 0, id: 0), count: size)
        mask = size - 1
    }

    /// Notes that `left` and `right` become `merge`; a later note replaces an earlier one of the same pair.
    mutating func insert(_ left: Int32, _ right: Int32, _ merge: Merge) {
        let key = Self.key(left, right)
        let slot = slot(of: key)
        keys[slot] = key
        merges[slot] = merge
    }

    /// What becomes of a pair; nil if it stays apart.
    func merge(_ left: Int32, _ right: Int32) -> Merge? {
        let key = Self.key(left, right)
        let slot = slot(of: key)
        return keys[slot] == key ? merges[slot] : nil
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    private func slot(of key: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: secrets.folded(key ^ secrets.start)) & mask
        while keys[slot] != key, keys[slot] != .max { slot = (slot + 1) & mask }
        return slot
    }
}

/// Carries out merges on one word: always the one of lowest rank, the leftmost of several.
///
/// Keeps its arrays between words. Words are searched from end to end for each merge; from `heapLength` parts on, a
/// heap avoids the quadratic cost.
struct PairMerger {
    /// From how many parts on the heap is used.
    ///
    /// With Qwen2's merges both ways take 0.2 ms for 512 bytes; the search takes a third for 64, the heap half for 2048.
    var heapLength = 512

    private var parts: [TokenPiece] = []
    /// The rank of each part's merge with its right neighbour; `unmergeable` if there is none.
    private var ranks: [UInt32] = []
    private var results: [Int32] = []
    private static let unmergeable = UInt32.max

    /// Forgets the last word.
    mutating func reset() { parts.removeAll(keepingCapacity: true) }

    /// Adds the next part of the word.
    mutating func append(_ part: TokenPiece) { parts.append(part) }

    /// Lets the last part reach to `end`.
    mutating func extendLast(to end: UInt32) { parts[parts.count - 1].end = end }

    /// Merges all that can be merged and appends what is left to `pieces`.
    mutating func merge(by merges: MergeTable, into pieces: inout [TokenPiece]) {
        if parts.count < heapLength { mergeSearching(merges) } else { mergeWithHeap(merges) }
        pieces += parts
    }

    private mutating func mergeSearching(_ merges: MergeTable) {
        guard parts.count > 1 else { return }
        ranks.removeAll(keepingCapacity: true)
        results.removeAll(keepingCapacity: true)
        for index in 1..<parts.count {
            let merge = merges.merge(parts[index - 1].id, parts[index].id)
            ranks.append(merge?.rank ?? Self.unmergeable)
            results.append(merge?.id ?? 0)
        }
        while true {
            var best = 0
            var lowest = Self.unmergeable
            for index in ranks.indices where ranks[index] < lowest {
                lowest = ranks[index]
                best = index
            }
            if lowest == Self.unmergeable { return }
            parts[best].id = results[best]
            parts[best].end = parts[best + 1].end
            parts.remove(at: best + 1)
            ranks.remove(at: best)
            results.remove(at: best)
            if best < ranks.count { update(best, best + 1, merges) }
            if best > 0 { update(best - 1, best, merges) }
        }
    }

    /// Looks up what parts `left` and `right`, now neighbours, become.
    private mutating func update(_ left: Int, _ right: Int, _ merges: MergeTable) {
        let merge = merges.merge(parts[left].id, parts[right].id)
        ranks[left] = merge?.rank ?? Self.unmergeable
        results[left] = merge?.id ?? 0
    }

    private mutating func mergeWithHeap(_ merges: MergeTable) {
        let count = parts.count
        var next = Array(1...count)
        var previous = Array(-1..<(count - 1))
        ranks = [UInt32](repeating: Self.unmergeable, count: count)
        results = [Int32](repeating: 0, count: count)
        for index in 0..<(count - 1) { update(index, index + 1, merges) }
        // Rank above, position below: the smallest number is the next merge. Entries of pairs that are gone stay in
        // the heap and are known by a rank that no longer holds.
        var heap = Heap<UInt64>()
        for index in 0..<count { push(index, &heap) }
        while let first = heap.popMin() {
            let index = Int(first & 0xFFFF_FFFF)
            guard ranks[index] == UInt32(first >> 32) else { continue }
            let gone = next[index]
            parts[index].id = results[index]
            parts[index].end = parts[gone].end
            ranks[gone] = Self.unmergeable
            next[index] = next[gone]
            ranks[index] = Self.unmergeable
            if next[index] < count {
                previous[next[index]] = index
                update(index, next[index], merges)
                push(index, &heap)
            }
            if previous[index] >= 0 {
                update(previous[index], index, merges)
                push(previous[index], &heap)
            }
        }
        var kept = 0
        var index = 0
        while index < count {
            parts[kept] = parts[index]
            kept += 1
            index = next[index]
        }
        parts.removeSubrange(kept...)
    }

    private func push(_ index: Int, _ heap: inout Heap<UInt64>) {
        guard ranks[index] != Self.unmergeable else { return }
        heap.insert(UInt64(ranks[index]) << 32 | UInt64(index))
    }
}

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
