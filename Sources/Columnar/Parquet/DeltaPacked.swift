/// Whole numbers as packed differences (DELTA_BINARY_PACKED).
///
/// Source: apache/parquet-format, Encodings.md, "Delta Encoding".
enum DeltaPacked {
    /// Reads all values of a page; `count` is how many the page should have at most.
    static func decode(_ reader: inout ByteReader, count: Int) throws(ReadProblem) -> [Int64] {
        let blockSize = try reader.varint()
        let miniblocks = try reader.varint()
        let total = try reader.varint()
        let first = try reader.zigzag()
        guard miniblocks > 0, miniblocks <= 1024, blockSize > 0, blockSize <= 1 << 20,
            blockSize % miniblocks == 0, blockSize / miniblocks % 8 == 0, total <= UInt64(count)
        else { throw .damaged("a page of differences has an impossible header") }
        let size = Int(blockSize / miniblocks)
        guard total > 0 else { return [] }
        var values = [first]
        values.reserveCapacity(Int(total))
        while values.count < total {
            let least = try reader.zigzag()
            let widths = try reader.take(Int(miniblocks))
            for width in reader.bytes[widths].map(Int.init) where values.count < total {
                guard width <= 64 else { throw .damaged("a difference has more than 64 bits") }
                var bits = BitReader(reader.bytes, try reader.take(width * size / 8))
                for _ in 0..<min(size, Int(total) - values.count) {
                    let difference = least &+ Int64(bitPattern: bits.next(width))
                    values.append(values[values.count - 1] &+ difference)
                }
            }
        }
        return values
    }
}
