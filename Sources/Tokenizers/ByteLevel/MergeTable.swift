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
