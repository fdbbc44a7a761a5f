internal import HeapModule

/// Carries out merges on one word: always the one of lowest rank, the leftmost of several.
///
/// Keeps its arrays between words. Short words, which are nearly all, are searched from end to end for each merge;
/// from `heapLength` parts on, a heap avoids the quadratic cost.
struct PairMerger {
    /// From how many parts on a heap is faster: measured on words of 16 to 128 bytes.
    static let heapLength = 48

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
        if parts.count < Self.heapLength { mergeSearching(merges) } else { mergeWithHeap(merges) }
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
