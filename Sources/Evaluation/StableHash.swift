/// A 64-bit hash of bytes that never changes between runs, machines or versions.
///
/// FNV-1a followed by the finalizer of MurmurHash3: FNV alone leaves the low bits, which decide the split of a
/// data set, weakly mixed. `Hasher` of the standard library is seeded per process and can't be used for this.
package enum StableHash {
    /// The hash of the UTF-8 bytes of `text`.
    package static func of(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        hash ^= hash >> 33
        hash = hash &* 0xFF51_AFD7_ED55_8CCD
        hash ^= hash >> 33
        hash = hash &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ (hash >> 33)
    }

    /// The hash of `text` as 16 lower-case hexadecimal digits.
    package static func hex(_ text: String) -> String {
        let digits = String(of(text), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
