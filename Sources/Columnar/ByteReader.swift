/// Reads numbers from bytes, and never beyond their end.
struct ByteReader {
    let bytes: [UInt8]
    private(set) var position: Int
    let end: Int

    init(_ bytes: [UInt8]) {
        self.init(bytes, 0..<bytes.count)
    }

    /// - Parameter range: within the bytes.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    var remaining: Int { end - position }

    mutating func byte() throws(ReadProblem) -> UInt8 {
        guard position < end else { throw .damaged("it ends too early") }
        defer { position += 1 }
        return bytes[position]
    }

    /// The place of the next `count` bytes, which are passed over.
    mutating func take(_ count: Int) throws(ReadProblem) -> Range<Int> {
        guard count >= 0, count <= remaining else { throw .damaged("a part goes beyond its end") }
        defer { position += count }
        return position..<position + count
    }

    /// A number of fixed size, least byte first.
    mutating func integer<Number: FixedWidthInteger>(_: Number.Type) throws(ReadProblem) -> Number {
        let range = try take(Number.bitWidth / 8)
        var number: Number = 0
        for index in range.reversed() { number = number << 8 | Number(truncatingIfNeeded: bytes[index]) }
        return number
    }

    /// A number of seven bits per byte, least first (ULEB128).
    mutating func varint() throws(ReadProblem) -> UInt64 {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try byte()
            guard shift < 63 || byte <= 1 else { throw .damaged("a number has more than 64 bits") }
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
            shift += 7
            guard shift < 64 else { throw .damaged("a number has more than 64 bits") }
        }
    }

    /// A signed number whose lowest bit is its sign.
    mutating func zigzag() throws(ReadProblem) -> Int64 {
        let number = try varint()
        return Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
    }

    /// Text in UTF-8.
    mutating func text(_ count: Int) throws(ReadProblem) -> String {
        let range = try take(count)
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw .damaged("a text isn't UTF-8")
        }
        return text
    }
}
