/// A read-only table from byte strings to numbers, kept in three flat arrays.
///
/// A dictionary of arrays would take one allocation per token: 150,000 for Qwen2.
struct ByteStringTable: Sendable {
    private var blob: [UInt8] = []
    /// Where each entry begins in `blob`, and where the last one ends.
    private var starts: [UInt32] = [0]
    private var values: [Int32] = []
    /// Open addressing: an entry's index plus one, or 0.
    private var slots: [UInt32]
    private let mask: Int

    /// Room for `capacity` entries; more don't fit.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [UInt32](repeating: 0, count: size)
        mask = size - 1
    }

    /// The number of entries.
    var count: Int { values.count }

    /// Adds an entry; the value that was there stays, and is returned.
    mutating func insert(_ key: [UInt8], _ value: Int32) -> Int32? {
        let slot = key.withUnsafeBufferPointer { find($0) }
        if slots[slot] != 0 { return values[Int(slots[slot]) - 1] }
        // Who fills a table counts first what goes into it.
        precondition(2 * values.count < slots.count, "a table holds what it was made for")
        blob += key
        starts.append(UInt32(blob.count))
        values.append(value)
        slots[slot] = UInt32(values.count)
        return nil
    }

    /// The value of exactly these bytes.
    func value(of key: UnsafeBufferPointer<UInt8>) -> Int32? {
        let entry = slots[find(key)]
        return entry == 0 ? nil : values[Int(entry) - 1]
    }

    /// The value of exactly these bytes.
    func value(of key: [UInt8]) -> Int32? { key.withUnsafeBufferPointer { value(of: $0) } }

    /// The slot of `key`, or the empty one where it would go.
    private func find(_ key: UnsafeBufferPointer<UInt8>) -> Int {
        var slot = Int(truncatingIfNeeded: key.quickHash) & mask
        while slots[slot] != 0 {
            let entry = Int(slots[slot]) - 1
            let range = Int(starts[entry])..<Int(starts[entry + 1])
            if range.count == key.count,
                blob.withUnsafeBufferPointer({ $0[range].elementsEqual(key) })
            {
                break
            }
            slot = (slot + 1) & mask
        }
        return slot
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// A hash of the bytes for tables in memory: fast, and another one in each process, so that nobody can choose keys that
    /// collide.
    var quickHash: UInt64 {
        let secrets = HashSecrets.own
        var hash = secrets.start ^ UInt64(truncatingIfNeeded: count)
        let raw = UnsafeRawBufferPointer(self)
        var offset = 0
        while offset + 8 <= count {
            hash = secrets.folded(hash ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < count {
            rest = rest << 8 | UInt64(self[offset])
            offset += 1
        }
        return secrets.folded(secrets.folded(hash ^ rest))
    }
}

/// Random numbers of this process that decide where tables keep their keys, and nothing else.
///
/// A product with a secret factor whose halves are folded together: unlike a product modulo 2⁶⁴, no difference of two keys
/// comes out the same for every factor.
struct HashSecrets: Sendable {
    static let own = HashSecrets()

    let start = UInt64.random(in: 0 ... .max)
    /// Odd, with bits in both halves.
    private let factor = UInt64.random(in: 0 ... .max) | 0x8000_0001_0000_0001

    func folded(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: factor)
        return product.high ^ product.low
    }
}
