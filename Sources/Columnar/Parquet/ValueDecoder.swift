internal import JSON

/// Reads the values of one page; the raw values are those of parquet.thrift.
enum Encoding: Int {
    case plain = 0
    case plainDictionary = 2
    case rle, bitPacked, deltaBinaryPacked, deltaLengthByteArray, deltaByteArray, rleDictionary
    case byteStreamSplit

    init(code: Int, column: Column) throws(ReadProblem) {
        guard let encoding = Encoding(rawValue: code) else {
            throw .damaged("column \(column.name) has no known encoding")
        }
        self = encoding
    }

    /// Reads the values that are there: as many as aren't null.
    func decode(
        _ reader: inout ByteReader, count: Int, column: Column, dictionary: [JSONValue]?
    ) throws(ReadProblem) -> PageValues {
        switch (self, column.physical) {
        case (.plain, _):
            return try Self.plain(&reader, count: count, column)
        case (.plainDictionary, _), (.rleDictionary, _):
            guard let dictionary else { throw .damaged("column \(column.name) has no dictionary") }
            guard count > 0 else { return .places([], dictionary: dictionary) }
            let width = Int(try reader.byte())
            guard width <= 32 else { throw .damaged("a place in a dictionary has more than 32 bits") }
            return .places(try Hybrid.decode(&reader, width: width, count: count), dictionary: dictionary)
        case (.rle, .boolean):
            _ = try reader.take(4)
            return .booleans(try Hybrid.decode(&reader, width: 1, count: count).map { $0 == 1 })
        case (.deltaBinaryPacked, .int32):
            // Differences of 32 bits wrap around.
            return .integers(
                try DeltaPacked.decode(&reader, count: count).map { Int64(Int32(truncatingIfNeeded: $0)) })
        case (.deltaBinaryPacked, .int64):
            return .integers(try DeltaPacked.decode(&reader, count: count))
        case (.deltaLengthByteArray, .byteArray):
            var ranges: [Range<Int>] = []
            for length in try DeltaPacked.decode(&reader, count: count) {
                ranges.append(try reader.take(Int(length)))
            }
            // The ranges follow the lengths, so that they are known only now.
            return .texts(reader.bytes, ranges)
        case (.byteStreamSplit, .float), (.byteStreamSplit, .double):
            var joined = ByteReader(
                try Self.join(&reader, count: count, size: column.physical == .float ? 4 : 8))
            return try Self.plain(&joined, count: count, column)
        default:
            throw .unsupported(
                "Column \(column.name) has the encoding \(name), which isn't read here for its type. Write the file again with plain or dictionary encoding."
            )
        }
    }

    /// Numbers whose first bytes stand together, then their second bytes, and so on.
    private static func join(
        _ reader: inout ByteReader, count: Int, size: Int
    ) throws(ReadProblem) -> [UInt8] {
        let range = try reader.take(count * size)
        return (0..<count * size).map { reader.bytes[range.lowerBound + $0 % size * count + $0 / size] }
    }

    private static func plain(
        _ reader: inout ByteReader, count: Int, _ column: Column
    ) throws(ReadProblem) -> PageValues {
        // Checked before anything is reserved: the count is only what the file says.
        switch column.physical {
        case .boolean:
            let range = try reader.take((count + 7) / 8)
            var bits = BitReader(reader.bytes, range)
            return .booleans((0..<count).map { _ in bits.next(1) == 1 })
        case .int32:
            return .integers(try numbers(&reader, count, Int32.self).map(Int64.init))
        case .int64:
            return .integers(try numbers(&reader, count, Int64.self))
        case .float:
            return .numbers(try numbers(&reader, count, UInt32.self).map { Double(Float(bitPattern: $0)) })
        case .double:
            return .numbers(try numbers(&reader, count, UInt64.self).map { Double(bitPattern: $0) })
        case .byteArray:
            var ranges: [Range<Int>] = []
            for _ in 0..<count {
                let length = try reader.integer(UInt32.self)
                ranges.append(try reader.take(Int(length)))
            }
            return .texts(reader.bytes, ranges)
        case .int96, .fixedByteArray:
            throw .unsupported("Column \(column.name) has a type that isn't read here.")
        }
    }

    private static func numbers<Number: FixedWidthInteger>(
        _ reader: inout ByteReader, _ count: Int, _: Number.Type
    ) throws(ReadProblem) -> [Number] {
        var part = ByteReader(reader.bytes, try reader.take(count * (Number.bitWidth / 8)))
        var numbers: [Number] = []
        numbers.reserveCapacity(count)
        for _ in 0..<count { numbers.append(try part.integer(Number.self)) }
        return numbers
    }

    private var name: String {
        switch self {
        case .plain: "PLAIN"
        case .plainDictionary: "PLAIN_DICTIONARY"
        case .rle: "RLE"
        case .bitPacked: "BIT_PACKED"
        case .deltaBinaryPacked: "DELTA_BINARY_PACKED"
        case .deltaLengthByteArray: "DELTA_LENGTH_BYTE_ARRAY"
        case .deltaByteArray: "DELTA_BYTE_ARRAY"
        case .rleDictionary: "RLE_DICTIONARY"
        case .byteStreamSplit: "BYTE_STREAM_SPLIT"
        }
    }
}

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

/// The values of a page, or of a dictionary, as they are stored; a JSON value is made when it is asked for.
enum PageValues {
    case booleans([Bool])
    case integers([Int64])
    case numbers([Double])
    case texts([UInt8], [Range<Int>])
    /// Places in a dictionary.
    case places([UInt32], dictionary: [JSONValue])

    var count: Int {
        switch self {
        case .booleans(let values): values.count
        case .integers(let values): values.count
        case .numbers(let values): values.count
        case .texts(_, let ranges): ranges.count
        case .places(let places, _): places.count
        }
    }

    /// One value.
    func value(_ index: Int, of column: Column) throws(ReadProblem) -> JSONValue {
        switch self {
        case .booleans(let values): return .bool(values[index])
        case .numbers(let values): return .number(values[index])
        case .integers(let values):
            guard column.isUnsigned else { return .integer(Int(values[index])) }
            if column.physical == .int32 { return .integer(Int(UInt32(truncatingIfNeeded: values[index]))) }
            guard values[index] >= 0 else {
                throw .unsupported("Column \(column.name) has a number beyond \(Int.max).")
            }
            return .integer(Int(values[index]))
        case .texts(let bytes, let ranges):
            guard let text = String(validating: bytes[ranges[index]], as: UTF8.self) else {
                throw .unsupported("Column \(column.name) has bytes that aren't text in UTF-8.")
            }
            return .string(text)
        case .places(let places, let dictionary):
            guard Int(places[index]) < dictionary.count else {
                throw .damaged("column \(column.name) refers to what isn't in its dictionary")
            }
            return dictionary[Int(places[index])]
        }
    }
}
