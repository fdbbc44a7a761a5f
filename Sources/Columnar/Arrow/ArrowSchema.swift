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

/// A column of an Arrow file, or a part of one.
///
/// Source: apache/arrow, format/Schema.fbs; the numbers are those of its union Type.
struct ArrowField: Sendable {
    indirect enum Kind: Sendable {
        case null
        case boolean
        case integer(bits: Int, isSigned: Bool)
        case float
        case double
        /// Offsets of 32 or of 64 bits.
        case text(isLarge: Bool)
        case list(ArrowField, isLarge: Bool)
        case structure([ArrowField])
    }

    let name: String
    let kind: Kind

    /// How many columns there may be, and how long their names.
    ///
    /// Tables can refer to one another in circles, and all to one text.
    struct Budget {
        private let limits: ColumnarLimits
        private var columns = 0
        private var nameBytes = 0

        init(_ limits: ColumnarLimits) { self.limits = limits }

        fileprivate mutating func take(_ name: String) throws(ReadProblem) {
            columns += 1
            guard columns <= 10_000 else { throw .tooLarge("It has more than 10000 columns.") }
            nameBytes += name.utf8.count
            guard nameBytes <= limits.nameBytes else { throw .longNames(limits) }
        }
    }

    init(_ table: FlatTable, _ budget: inout Budget, depth: Int = 0) throws(ReadProblem) {
        name = try table.text(0)
        try budget.take(name)
        guard depth <= 32 else { throw .unsupported("Its columns are nested more than 32 deep.") }
        guard try table.table(4) == nil else {
            throw .unsupported(
                "Column \(name) has a dictionary of its own (type dictionary), which isn't read here.")
        }
        var children: [ArrowField] = []
        for child in try table.tables(5) { children.append(try ArrowField(child, &budget, depth: depth + 1)) }
        let type = try table.table(3)
        let code = try table.integer(2, UInt8.self)
        switch (code, children.count) {
        case (1, 0): kind = .null
        case (2, 0):
            let bits = Int(try type?.integer(0, Int32.self) ?? 0)
            guard [8, 16, 32, 64].contains(bits) else {
                throw .damaged("column \(name) has numbers of \(bits) bits")
            }
            kind = .integer(bits: bits, isSigned: try type?.integer(1, UInt8.self) ?? 0 != 0)
        case (3, 0):
            switch try type?.integer(0, Int16.self) ?? 0 {
            case 1: kind = .float
            case 2: kind = .double
            default:
                throw .unsupported(
                    "Column \(name) has numbers of 16 bits with a point, which aren't read here.")
            }
        case (5, 0): kind = .text(isLarge: false)
        case (20, 0): kind = .text(isLarge: true)
        case (6, 0): kind = .boolean
        case (12, 1): kind = .list(children[0], isLarge: false)
        case (21, 1): kind = .list(children[0], isLarge: true)
        case (13, _):
            guard Set(children.map(\.name)).count == children.count else {
                throw .unsupported("Column \(name) has two parts of one name.")
            }
            kind = .structure(children)
        default:
            throw .unsupported(
                "Column \(name) has the type \(Self.name(of: code)), which isn't read here: texts, whole numbers, floating-point numbers, truth values, lists and structures are."
            )
        }
    }

    private static func name(of code: UInt8) -> String {
        let names = [
            "none", "null", "int", "float", "binary", "utf8", "bool", "decimal", "date", "time", "timestamp",
            "interval", "list", "struct", "union", "fixed-size binary", "fixed-size list", "map", "duration",
            "large binary", "large utf8", "large list", "run-end encoded", "binary view", "utf8 view",
            "list view",
            "large list view",
        ]
        return Int(code) < names.count ? names[Int(code)] : "\(code)"
    }
}
