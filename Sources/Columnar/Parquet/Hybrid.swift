/// Runs of one value and packed values in turn, as Parquet writes levels and places in a dictionary.
///
/// Source: apache/parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
enum Hybrid {
    /// Reads `count` values of `width` bits.
    ///
    /// - Parameter width: 0...32.
    static func decode(_ reader: inout ByteReader, width: Int, count: Int) throws(ReadProblem) -> [UInt32] {
        var values: [UInt32] = []
        values.reserveCapacity(count)
        while values.count < count {
            // A width of 0 bits: all are 0, and some writers leave the runs out.
            if width == 0, reader.remaining == 0 {
                values += repeatElement(0, count: count - values.count)
                break
            }
            let head = try reader.varint()
            let missing = count - values.count
            guard head >> 1 > 0, head >> 1 <= UInt64(Int32.max) else { throw .damaged("a run has no length") }
            if head & 1 == 0 {
                var value: UInt32 = 0
                for shift in 0..<(width + 7) / 8 { value |= UInt32(try reader.byte()) << UInt32(8 * shift) }
                values += repeatElement(value, count: min(missing, Int(head >> 1)))
            } else {
                let groups = Int(head >> 1)
                // Packed in groups of eight; the last may be cut off behind the last value that counts.
                let packed = try reader.take(min(groups * width, reader.remaining))
                let whole = width == 0 ? groups * 8 : min(groups * 8, packed.count * 8 / width)
                guard whole > 0 else { throw .damaged("a run goes beyond its end") }
                var bits = BitReader(reader.bytes, packed)
                for _ in 0..<min(missing, whole) {
                    values.append(UInt32(truncatingIfNeeded: bits.next(width)))
                }
            }
        }
        return values
    }
}

/// Takes numbers of a few bits each from bytes, lowest bits first.
struct BitReader {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int
    private var buffer: UInt64 = 0
    private var filled = 0

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// The next `width` bits (0...64); 0 stands for those behind the end, which the caller rules out.
    mutating func next(_ width: Int) -> UInt64 {
        guard width <= 32 else {
            let low = next(32)
            return low | next(width - 32) << 32
        }
        while filled < width {
            if position < end {
                buffer |= UInt64(bytes[position]) << UInt64(filled)
                position += 1
            }
            filled += 8
        }
        let value = buffer & ((1 << UInt64(width)) - 1)
        buffer >>= UInt64(width)
        filled -= width
        return value
    }
}
