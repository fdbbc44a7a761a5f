/// Decompresses Snappy's block format.
///
/// Source: google/snappy, format_description.txt.
enum Snappy {
    /// - Parameter count: how many bytes there should be.
    static func expand(_ bytes: [UInt8], _ range: Range<Int>, count: Int) throws(ReadProblem) -> [UInt8] {
        var reader = ByteReader(bytes, range)
        guard try reader.varint() == UInt64(count) else {
            throw .damaged("a page has another size than it says")
        }
        var output: [UInt8] = []
        // Three bytes give 64 at most: more room than that is never needed.
        output.reserveCapacity(min(count, reader.remaining * 22 + 64))
        while reader.remaining > 0 {
            let tag = Int(try reader.byte())
            let length: Int
            let offset: Int
            switch tag & 3 {
            case 0:
                let size = try literalSize(tag >> 2, &reader)
                guard size <= count - output.count else { throw tooLong }
                output += bytes[try reader.take(size)]
                continue
            case 1:
                length = 4 + ((tag >> 2) & 7)
                offset = (tag >> 5) << 8 | Int(try reader.byte())
            case 2:
                length = 1 + (tag >> 2)
                offset = Int(try reader.integer(UInt16.self))
            default:
                length = 1 + (tag >> 2)
                offset = Int(try reader.integer(UInt32.self))
            }
            guard offset > 0, offset <= output.count else {
                throw .damaged("a page refers to what is before its start")
            }
            guard length <= count - output.count else { throw tooLong }
            // The copy may overlap what it writes.
            for index in output.count - offset..<output.count - offset + length {
                output.append(output[index])
            }
        }
        guard output.count == count else { throw .damaged("a page is shorter than it says") }
        return output
    }

    private static func literalSize(_ code: Int, _ reader: inout ByteReader) throws(ReadProblem) -> Int {
        guard code >= 60 else { return code + 1 }
        var size = 0
        for shift in 0..<code - 59 { size |= Int(try reader.byte()) << (8 * shift) }
        return size + 1
    }

    private static var tooLong: ReadProblem { .damaged("a page is longer than it says") }
}
