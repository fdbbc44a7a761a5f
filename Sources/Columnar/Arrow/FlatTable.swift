/// A table of a FlatBuffer, in which Arrow writes what its messages say.
///
/// Source: google/flatbuffers, docs/source/internals.md.
struct FlatTable {
    private let bytes: [UInt8]
    private let place: Int
    private let fields: Int
    private let fieldCount: Int

    /// The table that a buffer starts with.
    init(root bytes: [UInt8]) throws(ReadProblem) {
        try self.init(bytes, at: try Self.offset(bytes, at: 0))
    }

    private init(_ bytes: [UInt8], at place: Int) throws(ReadProblem) {
        self.bytes = bytes
        self.place = place
        fields = place - Int(try Self.number(bytes, at: place, Int32.self))
        let size = Int(try Self.number(bytes, at: fields, UInt16.self))
        guard size >= 4 else { throw .damaged("a table has an impossible size") }
        fieldCount = (size - 4) / 2
    }

    /// Where a field is; nil if it has its default.
    private func field(_ index: Int) throws(ReadProblem) -> Int? {
        guard index < fieldCount else { return nil }
        let offset = Int(try Self.number(bytes, at: fields + 4 + 2 * index, UInt16.self))
        return offset == 0 ? nil : place + offset
    }

    func integer<Number: FixedWidthInteger>(
        _ index: Int, _: Number.Type, default value: Number = 0
    ) throws(ReadProblem) -> Number {
        guard let place = try field(index) else { return value }
        return try Self.number(bytes, at: place, Number.self)
    }

    func table(_ index: Int) throws(ReadProblem) -> FlatTable? {
        guard let place = try field(index) else { return nil }
        return try FlatTable(bytes, at: try Self.offset(bytes, at: place))
    }

    func text(_ index: Int) throws(ReadProblem) -> String {
        guard let place = try field(index) else { return "" }
        let start = try Self.offset(bytes, at: place)
        let count = Int(try Self.number(bytes, at: start, UInt32.self))
        guard count <= bytes.count - start - 4 else { throw .damaged("a name goes beyond its end") }
        guard let text = String(validating: bytes[start + 4..<start + 4 + count], as: UTF8.self) else {
            throw .damaged("a name isn't UTF-8")
        }
        return text
    }

    func tables(_ index: Int) throws(ReadProblem) -> [FlatTable] {
        let (start, count) = try vector(index, elementSize: 4)
        var tables: [FlatTable] = []
        for element in 0..<count {
            tables.append(try FlatTable(bytes, at: try Self.offset(bytes, at: start + 4 * element)))
        }
        return tables
    }

    /// A vector of structures of two numbers of 64 bits.
    func pairs(_ index: Int) throws(ReadProblem) -> [(Int64, Int64)] {
        let (start, count) = try vector(index, elementSize: 16)
        var pairs: [(Int64, Int64)] = []
        for element in 0..<count {
            pairs.append(
                (
                    try Self.number(bytes, at: start + 16 * element, Int64.self),
                    try Self.number(bytes, at: start + 16 * element + 8, Int64.self)
                ))
        }
        return pairs
    }

    private func vector(_ index: Int, elementSize: Int) throws(ReadProblem) -> (start: Int, count: Int) {
        guard let place = try field(index) else { return (0, 0) }
        let start = try Self.offset(bytes, at: place)
        let count = Int(try Self.number(bytes, at: start, UInt32.self))
        guard count <= (bytes.count - start - 4) / elementSize else {
            throw .damaged("a list goes beyond its end")
        }
        return (start + 4, count)
    }

    private static func offset(_ bytes: [UInt8], at place: Int) throws(ReadProblem) -> Int {
        place + Int(try number(bytes, at: place, UInt32.self))
    }

    private static func number<Number: FixedWidthInteger>(
        _ bytes: [UInt8], at place: Int, _: Number.Type
    ) throws(ReadProblem) -> Number {
        let size = Number.bitWidth / 8
        guard place >= 0, place <= bytes.count - size else { throw .damaged("a table goes beyond its end") }
        var number: Number = 0
        for index in (place..<place + size).reversed() {
            number = number << 8 | Number(truncatingIfNeeded: bytes[index])
        }
        return number
    }
}
