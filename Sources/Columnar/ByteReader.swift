package import Base
package import SystemPackage

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

/// A columnar file that isn't read, and why.
package struct ColumnarError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    /// What kind of reason it is.
    package enum Code: Sendable, Hashable {
        /// It isn't such a file, isn't whole, or contradicts itself.
        case damaged
        /// It is larger in some way than the limits allow.
        case tooLarge
        /// It has something that isn't read here.
        case unsupported
    }

    /// The file.
    package let file: FilePath
    package let code: Code
    /// A sentence without the file's name.
    package let reason: String

    /// Joins a file and what is wrong with it.
    init(_ file: FilePath, _ problem: ReadProblem) {
        self.file = file
        code = problem.code
        reason = problem.reason
    }

    package var description: String { "\(file) can't be read: \(reason)" }
}

/// What is wrong, before it is known in which file.
struct ReadProblem: Error {
    let code: ColumnarError.Code
    let reason: String

    static func damaged(_ what: String) -> Self {
        Self(code: .damaged, reason: "It is damaged or not whole (\(what)).")
    }

    static func unsupported(_ reason: String) -> Self { Self(code: .unsupported, reason: reason) }

    static func tooLarge(_ reason: String) -> Self { Self(code: .tooLarge, reason: reason) }

    static func tooManyValues(_ limits: ColumnarLimits, _ bytes: Int) -> Self {
        .tooLarge(
            "It has more than \(limits.values(ofFile: bytes)) values in \(bytes) bytes, which is the most that is read of such a file."
        )
    }

    static func tooMuchMemory(_ budget: MemoryBudget) -> Self { .tooLarge(budget.refusal) }

    static func noColumn(_ names: Set<String>, among columns: [String]) -> Self {
        let (names, columns) = (names.sorted(), columns.map { "\"\($0)\"" })
        return .unsupported(
            "It has none of the columns \(names.joined(separator: ", ")), but \(columns.prefix(12).joined(separator: ", "))\(columns.count > 12 ? " and others" : "")."
        )
    }

    static func longNames(_ limits: ColumnarLimits) -> Self {
        .tooLarge("The names of its columns have more than \(limits.nameBytes) bytes together.")
    }
}

/// How large the parts of a columnar file may be.
///
/// A few bytes can say that a value occurs a billion times, so that a file's size doesn't bound what it takes to
/// read it. Only one page of each column (or one record batch) and one row are in memory at a time.
package struct ColumnarLimits: Sendable, Hashable {
    /// The most bytes of the footer or of a message's header.
    package var metadataBytes = 64 << 20
    /// The most bytes of the names of all columns, each from the root on: many can have one long name.
    package var nameBytes = 16 << 20
    /// The most bytes of a page after decompression, or of the body of a record batch.
    package var pageBytes = 1 << 30
    /// The most values of a page, nulls included.
    package var pageValues = 1 << 24
    /// The most values of a row, those of its lists included.
    package var rowValues = 1 << 22
    /// The most values of a file, nulls included: so many, and so many more for each of its bytes.
    package var fileValues = 1 << 26
    package var valuesPerByte = 1 << 12

    /// The limits that are the default.
    package init() {}

    /// The most values of a file of some bytes.
    func values(ofFile bytes: Int) -> Int {
        // No file has so many bytes that this overflows.
        fileValues + valuesPerByte * min(bytes, 1 << 48)
    }
}
