internal import Archives
internal import Base
internal import Files
internal import JSON
internal import SystemPackage

/// Walks over the values of one column of a row group; one page and a dictionary are in memory at a time.
struct ColumnCursor {
    let column: Column
    private let file: MappedFile
    private let limits: ColumnarLimits
    /// Of the pages and dictionaries of all columns together.
    private let budget: MemoryBudget
    /// What the current page takes of it.
    private var taken = 0
    private let codec: Codec
    /// Where the next page is, and where the last one ends.
    private var offset: Int
    private let end: Int
    /// Values of the pages that weren't read yet.
    private var unread: Int
    private var dictionary: [JSONValue]?

    private var definitions: [UInt32] = []
    private var repetitions: [UInt32] = []
    private var values = PageValues.integers([])
    private var pageCount = 0
    private var position = 0
    private var nextValue = 0

    init(
        _ column: Column, _ chunk: ColumnChunk, _ file: MappedFile, _ limits: ColumnarLimits,
        _ budget: MemoryBudget
    ) throws(ReadProblem) {
        self.column = column
        self.file = file
        self.limits = limits
        self.budget = budget
        if let refusal = column.refusal { throw .unsupported(refusal) }
        codec = try Codec(code: chunk.codec, column: column.name)
        guard chunk.values != 0 else {
            // A row group without rows may have no place at all.
            (offset, end, unread) = (0, 0, 0)
            return
        }
        let size = file.bytes.count
        guard chunk.start >= 4, chunk.start <= size, (0...size - chunk.start).contains(chunk.compressedSize),
            (0...1 << 48).contains(chunk.values)
        else { throw .damaged("column \(column.name) goes beyond the file's end") }
        offset = chunk.start
        end = chunk.start + chunk.compressedSize
        unread = chunk.values
    }

    /// Goes to the next page if this one is done; false when no value is left.
    mutating func advance() throws(ReadProblem) -> Bool {
        while position == pageCount {
            guard unread > 0 else { return false }
            try readPage()
        }
        return true
    }

    /// The levels of the next value, which is there.
    var definition: Int { definitions.isEmpty ? column.definition : Int(definitions[position]) }
    var repetition: Int { repetitions.isEmpty ? 0 : Int(repetitions[position]) }

    /// Takes the next value; null where there is none.
    mutating func take() throws(ReadProblem) -> JSONValue {
        guard try advance() else { throw .damaged("column \(column.name) has too few values") }
        let isThere = definition == column.definition
        position += 1
        guard isThere else { return .null }
        nextValue += 1
        return try values.value(nextValue - 1, of: column)
    }

    private mutating func readPage() throws(ReadProblem) {
        let header = try pageHeader()
        guard (0...end - offset).contains(header.compressedSize), header.size >= 0,
            header.values >= 0
        else { throw .damaged("a page of column \(column.name) goes beyond the column's end") }
        guard header.size <= limits.pageBytes, header.values <= limits.pageValues else {
            throw .tooLarge(
                "A page of column \(column.name) has \(header.size) bytes and \(header.values) values; \(limits.pageBytes) and \(limits.pageValues) are the most that are read."
            )
        }
        let range = offset..<offset + header.compressedSize
        offset = range.upperBound
        if header.kind != .dictionary {
            budget.giveBack(taken)
            taken = 0
        }
        // The bytes, and of each value two levels and what is made of it; a dictionary's values have boxes.
        let memory = header.size + header.values * (header.kind == .dictionary ? 80 : 24)
        guard budget.take(memory) else { throw .tooMuchMemory(budget) }
        if header.kind != .dictionary { taken = memory }
        switch header.kind {
        case .index: return
        case .dictionary: try readDictionary(header, range)
        case .data: try readVersion1(header, range)
        case .dataV2: try readVersion2(header, range)
        }
    }

    private mutating func pageHeader() throws(ReadProblem) -> PageHeader {
        // Most take a few dozen bytes; one with the longest and the shortest text of the page may be large. Twice as many
        // each time, so that what is read for a header is in proportion to it.
        var size = min(1 << 12, limits.metadataBytes)
        while true {
            var thrift = ThriftReader(ByteReader(bytes(offset..<min(end, offset + size))))
            do {
                let header = try PageHeader(&thrift)
                offset += thrift.bytes.position
                return header
            } catch  where end - offset > size && size < limits.metadataBytes {
                size = min(2 * size, limits.metadataBytes)
            }
        }
    }

    private mutating func readDictionary(_ header: PageHeader, _ range: Range<Int>) throws(ReadProblem) {
        let page = try expand(bytes(range), header.size)
        var reader = ByteReader(page)
        let stored = try Encoding.plain.decode(
            &reader, count: header.values, column: column, dictionary: nil)
        var dictionary: [JSONValue] = []
        for index in 0..<stored.count { dictionary.append(try stored.value(index, of: column)) }
        self.dictionary = dictionary
    }

    private mutating func readVersion1(_ header: PageHeader, _ range: Range<Int>) throws(ReadProblem) {
        var reader = ByteReader(try expand(bytes(range), header.size))
        guard column.definition == 0 || header.definitionEncoding == Encoding.rle.rawValue,
            column.repetition == 0 || header.repetitionEncoding == Encoding.rle.rawValue
        else {
            throw .unsupported("Column \(column.name) has levels in the old encoding BIT_PACKED.")
        }
        let repetitions = try levels(&reader, column.repetition, header.values) {
            (reader) throws(ReadProblem) in Int(try reader.integer(UInt32.self))
        }
        let definitions = try levels(&reader, column.definition, header.values) {
            (reader) throws(ReadProblem) in Int(try reader.integer(UInt32.self))
        }
        try take(header, repetitions, definitions, &reader)
    }

    private mutating func readVersion2(_ header: PageHeader, _ range: Range<Int>) throws(ReadProblem) {
        let page = bytes(range)
        var reader = ByteReader(page)
        let repetitions = try levels(&reader, column.repetition, header.values) { _ in
            header.repetitionBytes
        }
        let definitions = try levels(&reader, column.definition, header.values) { _ in
            header.definitionBytes
        }
        guard header.isCompressed else { return try take(header, repetitions, definitions, &reader) }
        let rest = header.size - reader.position
        guard rest >= 0 else { throw .damaged("a page has another size than it says") }
        var data = ByteReader(try expand(page, reader.position..<page.count, rest))
        try take(header, repetitions, definitions, &data)
    }

    /// Reads the levels of a page, if the column has such levels.
    private func levels(
        _ reader: inout ByteReader, _ highest: Int, _ count: Int,
        size: (inout ByteReader) throws(ReadProblem) -> Int
    ) throws(ReadProblem) -> [UInt32] {
        guard highest > 0 else { return [] }
        var part = ByteReader(reader.bytes, try reader.take(try size(&reader)))
        let width = Int.bitWidth - highest.leadingZeroBitCount
        let levels = try Hybrid.decode(&part, width: width, count: count)
        guard levels.allSatisfy({ $0 <= highest }) else {
            throw .damaged("column \(column.name) is nested more deeply than its schema says")
        }
        return levels
    }

    /// Makes this the current page.
    private mutating func take(
        _ header: PageHeader, _ repetitions: [UInt32], _ definitions: [UInt32], _ reader: inout ByteReader
    ) throws(ReadProblem) {
        guard header.values <= unread else { throw .damaged("column \(column.name) has too many values") }
        let encoding = try Encoding(code: header.encoding, column: column)
        let there =
            column.definition == 0 ? header.values : definitions.count { Int($0) == column.definition }
        values = try encoding.decode(&reader, count: there, column: column, dictionary: dictionary)
        guard values.count == there else { throw .damaged("column \(column.name) has too few values") }
        self.repetitions = repetitions
        self.definitions = definitions
        pageCount = header.values
        unread -= header.values
        position = 0
        nextValue = 0
    }

    private func expand(_ bytes: [UInt8], _ size: Int) throws(ReadProblem) -> [UInt8] {
        try expand(bytes, 0..<bytes.count, size)
    }

    private func expand(_ bytes: [UInt8], _ range: Range<Int>, _ size: Int) throws(ReadProblem) -> [UInt8] {
        try codec.expand(bytes, range, count: size, of: file.path)
    }

    private func bytes(_ range: Range<Int>) -> [UInt8] {
        withExtendedLifetime(file) { Array(file.bytes[range]) }
    }
}

/// How the pages of a column are compressed; the raw values are those of parquet.thrift.
enum Codec: Int {
    case uncompressed, snappy, gzip, lzo, brotli, lz4, zstd, lz4Raw

    init(code: Int, column: String) throws(ReadProblem) {
        guard let codec = Codec(rawValue: code) else {
            throw .damaged("column \(column) is compressed by no known codec")
        }
        switch codec {
        case .uncompressed, .snappy, .gzip, .zstd: self = codec
        case .lzo, .brotli, .lz4, .lz4Raw:
            throw .unsupported(
                "Column \(column) is compressed by \(codec.name), which isn't read here. Write the file again without compression, or with SNAPPY, GZIP or ZSTD."
            )
        }
    }

    /// Decompresses part of some bytes.
    ///
    /// - Parameter count: how many bytes there should be.
    func expand(
        _ bytes: [UInt8], _ range: Range<Int>, count: Int, of file: FilePath
    ) throws(ReadProblem) -> [UInt8] {
        switch self {
        case .snappy: return try Snappy.expand(bytes, range, count: count)
        case .gzip: return try Self.expand(bytes, range, .gzip, count, file)
        case .zstd: return try Self.expand(bytes, range, .zstd, count, file)
        default:
            guard range.count == count else { throw .damaged("a page has another size than it says") }
            return Array(bytes[range])
        }
    }

    private static func expand(
        _ bytes: [UInt8], _ range: Range<Int>, _ compression: CompressedBytes.Compression, _ count: Int,
        _ file: FilePath
    ) throws(ReadProblem) -> [UInt8] {
        do {
            return try CompressedBytes.expand(bytes[range], compression, count: count, of: file)
        } catch {
            throw ReadProblem(
                code: error.code == .unsupported ? .unsupported : .damaged,
                reason: "A page can't be decompressed. \(error.reason)")
        }
    }

    private var name: String {
        switch self {
        case .uncompressed: "nothing"
        case .snappy: "SNAPPY"
        case .gzip: "GZIP"
        case .lzo: "LZO"
        case .brotli: "BROTLI"
        case .lz4: "LZ4"
        case .zstd: "ZSTD"
        case .lz4Raw: "LZ4_RAW"
        }
    }
}

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

/// What stands before each page of a column.
struct PageHeader {
    enum Kind: Int { case data, index, dictionary, dataV2 }

    var kind = Kind.index
    var size = 0
    var compressedSize = 0
    var values = 0
    var encoding = 0
    /// How the levels of a page of version 1 are encoded; it means nothing where there are none.
    var definitionEncoding = 3
    var repetitionEncoding = 3
    /// Bytes of the levels of a page of version 2, which are never compressed.
    var definitionBytes = 0
    var repetitionBytes = 0
    var isCompressed = true

    init(_ reader: inout ThriftReader) throws(ReadProblem) {
        var fields = PageHeader()
        try reader.structure { (reader, id, type) throws(ReadProblem) in
            switch (id, type) {
            case (1, .int):
                guard let kind = Kind(rawValue: try reader.integer()) else {
                    throw .damaged("a page is of no known kind")
                }
                fields.kind = kind
            case (2, .int): fields.size = try reader.integer()
            case (3, .int): fields.compressedSize = try reader.integer()
            case (5, .structure), (7, .structure): try fields.readVersion1(&reader)
            case (8, .structure): try fields.readVersion2(&reader)
            default: return false
            }
            return true
        }
        self = fields
    }

    /// The header of a data page or of a dictionary page.
    private mutating func readVersion1(_ reader: inout ThriftReader) throws(ReadProblem) {
        var fields = self
        try reader.structure { (reader, id, type) throws(ReadProblem) in
            switch (id, type) {
            case (1, .int): fields.values = try reader.integer()
            case (2, .int): fields.encoding = try reader.integer()
            case (3, .int): fields.definitionEncoding = try reader.integer()
            case (4, .int): fields.repetitionEncoding = try reader.integer()
            default: return false
            }
            return true
        }
        self = fields
    }

    private mutating func readVersion2(_ reader: inout ThriftReader) throws(ReadProblem) {
        var fields = self
        try reader.structure { (reader, id, type) throws(ReadProblem) in
            switch (id, type) {
            case (1, .int): fields.values = try reader.integer()
            case (4, .int): fields.encoding = try reader.integer()
            case (5, .int): fields.definitionBytes = try reader.integer()
            case (6, .int): fields.repetitionBytes = try reader.integer()
            case (7, .yes): fields.isCompressed = true
            case (7, .no): fields.isCompressed = false
            default: return false
            }
            return true
        }
        self = fields
    }

    private init() {}
}
