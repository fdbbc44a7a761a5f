/// What a Parquet file's footer says.
///
/// Source: apache/parquet-format, parquet.thrift; the names of fields follow it.
struct FileMetadata {
    var schema: [SchemaElement] = []
    var rows = 0
    var rowGroups: [RowGroup] = []

    init(_ reader: inout ThriftReader) throws(ReadProblem) {
        var fields = FileMetadata()
        try reader.structure { (reader, id, type) throws(ReadProblem) in
            switch (id, type) {
            case (2, .list):
                try reader.list(of: .structure) { (reader) throws(ReadProblem) in
                    fields.schema.append(try SchemaElement(&reader))
                }
            case (3, .long): fields.rows = try reader.integer()
            case (4, .list):
                try reader.list(of: .structure) { (reader) throws(ReadProblem) in
                    fields.rowGroups.append(try RowGroup(&reader))
                }
            case (8, _): throw .unsupported("It is encrypted.")
            default: return false
            }
            return true
        }
        self = fields
    }

    private init() {}
}

/// A node of the schema, which is written as a list of all nodes in depth-first order.
struct SchemaElement {
    enum Repetition: Int { case required, optional, repeated }

    var type: Int?
    var repetition = Repetition.required
    var name = ""
    var children = 0
    var convertedType: Int?
    /// The number of the member of the union LogicalType that is set.
    var logicalType: Int?

    init(_ reader: inout ThriftReader) throws(ReadProblem) {
        var fields = SchemaElement()
        try reader.structure { (reader, id, type) throws(ReadProblem) in
            switch (id, type) {
            case (1, .int): fields.type = try reader.integer()
            case (3, .int):
                guard let repetition = Repetition(rawValue: try reader.integer()) else {
                    throw .damaged("a column is neither required nor optional nor repeated")
                }
                fields.repetition = repetition
            case (4, .binary): fields.name = try reader.text()
            case (5, .int): fields.children = try reader.integer()
            case (6, .int): fields.convertedType = try reader.integer()
            case (10, .structure):
                try reader.structure { (_, id, _) throws(ReadProblem) in
                    fields.logicalType = id
                    return false
                }
            default: return false
            }
            return true
        }
        self = fields
    }

    private init() {}
}

/// Some rows, column by column.
struct RowGroup {
    var chunks: [ColumnChunk] = []
    var rows = 0

    init(_ reader: inout ThriftReader) throws(ReadProblem) {
        var fields = RowGroup()
        try reader.structure { (reader, id, type) throws(ReadProblem) in
            switch (id, type) {
            case (1, .list):
                try reader.list(of: .structure) { (reader) throws(ReadProblem) in
                    fields.chunks.append(try ColumnChunk(&reader))
                }
            case (3, .long): fields.rows = try reader.integer()
            default: return false
            }
            return true
        }
        self = fields
    }

    private init() {}
}

/// One column of a row group: where its pages are.
struct ColumnChunk {
    var codec = 0
    var values = 0
    var compressedSize = 0
    var dataPage = 0
    var dictionaryPage: Int?

    /// The first byte of its pages; some writers give 0 where there is no dictionary.
    var start: Int {
        if let dictionaryPage, dictionaryPage > 0 { min(dictionaryPage, dataPage) } else { dataPage }
    }

    init(_ reader: inout ThriftReader) throws(ReadProblem) {
        var fields = ColumnChunk()
        try reader.structure { (reader, id, type) throws(ReadProblem) in
            switch (id, type) {
            case (1, .binary): throw .unsupported("Its columns are in other files.")
            case (3, .structure): try fields.readMetadata(&reader)
            case (8, _): throw .unsupported("It is encrypted.")
            default: return false
            }
            return true
        }
        self = fields
    }

    private mutating func readMetadata(_ reader: inout ThriftReader) throws(ReadProblem) {
        var fields = self
        try reader.structure { (reader, id, type) throws(ReadProblem) in
            switch (id, type) {
            case (4, .int): fields.codec = try reader.integer()
            case (5, .long): fields.values = try reader.integer()
            case (7, .long): fields.compressedSize = try reader.integer()
            case (9, .long): fields.dataPage = try reader.integer()
            case (11, .long): fields.dictionaryPage = try reader.integer()
            default: return false
            }
            return true
        }
        self = fields
    }

    private init() {}
}

/// A column that has values: a leaf of the schema.
struct Column: Sendable {
    /// How values are stored; the raw values are those of parquet.thrift.
    enum Physical: Int, Sendable {
        case boolean, int32, int64, int96, float, double, byteArray, fixedByteArray
    }

    /// Names from the root on, joined by points.
    let name: String
    let physical: Physical
    let isUnsigned: Bool
    /// The definition level at which there is a value, and the highest repetition level.
    let definition: Int
    let repetition: Int
    /// Why its values can't be read: a type that has no counterpart here.
    let refusal: String?

    /// - Throws: ``ReadProblem`` for a type that Parquet doesn't have.
    init(
        _ element: SchemaElement, name: String, definition: Int, repetition: Int
    ) throws(ReadProblem) {
        self.name = name
        self.definition = definition
        self.repetition = repetition
        guard let physical = element.type.flatMap(Physical.init) else {
            throw .damaged("column \(name) has no known type")
        }
        self.physical = physical
        isUnsigned = element.convertedType.map { (11...14).contains($0) } ?? false
        let other: String? =
            switch (physical, element.convertedType, element.logicalType) {
            case (.int96, _, _): "a time of 96 bits"
            case (.fixedByteArray, _, _): "bytes of fixed length"
            case (_, 5, _), (_, _, 5): "decimal numbers"
            case (_, 6, _), (_, _, 6): "dates"
            case (_, 7, _), (_, 8, _), (_, 9, _), (_, 10, _), (_, _, 7), (_, _, 8): "times"
            case (_, 20, _), (_, _, 13): "BSON"
            default: nil
            }
        refusal = other.map {
            "Column \(name) holds \($0); texts, whole numbers, floating-point numbers and truth values are read, and lists and structures of them."
        }
    }
}

/// Reads Thrift's compact protocol, in which Parquet writes its footer and its page headers.
///
/// Source: apache/thrift, doc/specs/thrift-compact-protocol.md.
struct ThriftReader {
    private(set) var bytes: ByteReader
    private var depth = 0

    /// The types of a field; the raw values are those of the protocol.
    enum FieldType: UInt8 {
        case yes = 1
        case no, byte, short, int, long, double, binary, list, set, map, structure
    }

    init(_ bytes: ByteReader) { self.bytes = bytes }

    /// Reads a structure: the body gets each field's number and type, and says false to have it skipped.
    mutating func structure(
        _ body: (inout ThriftReader, Int, FieldType) throws(ReadProblem) -> Bool
    ) throws(ReadProblem) {
        try enter()
        var id = 0
        while true {
            let head = try bytes.byte()
            if head == 0 { break }
            let type = try fieldType(head & 0x0F)
            let step = Int(head >> 4)
            if step > 0 {
                id += step
            } else {
                let number = try bytes.zigzag()
                guard let short = Int16(exactly: number) else {
                    throw .damaged("a field's number is too large")
                }
                id = Int(short)
            }
            if try !body(&self, id, type) { try skip(type) }
        }
        depth -= 1
    }

    /// Reads a list of structures, of strings or of numbers: the body reads one element.
    mutating func list(
        of expected: FieldType, _ body: (inout ThriftReader) throws(ReadProblem) -> Void
    ) throws(ReadProblem) {
        guard let (count, type) = try listHeader() else { return }
        guard type == expected else { throw .damaged("a list has elements of another type") }
        for _ in 0..<count { try body(&self) }
    }

    mutating func integer() throws(ReadProblem) -> Int { Int(try bytes.zigzag()) }

    mutating func text() throws(ReadProblem) -> String {
        try bytes.text(Int(clamping: try bytes.varint()))
    }

    mutating func skip(_ type: FieldType) throws(ReadProblem) {
        switch type {
        case .yes, .no: break
        case .byte: _ = try bytes.byte()
        case .short, .int, .long: _ = try bytes.varint()
        case .double: _ = try bytes.take(8)
        case .binary: _ = try bytes.take(Int(clamping: try bytes.varint()))
        case .list, .set:
            try enter()
            if let (count, type) = try listHeader() {
                for _ in 0..<count { try skipElement(type) }
            }
            depth -= 1
        case .map:
            try enter()
            let count = Int(clamping: try bytes.varint())
            if count > 0 {
                let types = try bytes.byte()
                let (key, value) = (try fieldType(types >> 4), try fieldType(types & 0x0F))
                guard count <= bytes.remaining else { throw .damaged("a map goes beyond its end") }
                for _ in 0..<count {
                    try skipElement(key)
                    try skipElement(value)
                }
            }
            depth -= 1
        case .structure:
            try structure { (_, _, _) throws(ReadProblem) in false }
        }
    }

    /// In lists and maps a truth value takes a byte.
    private mutating func skipElement(_ type: FieldType) throws(ReadProblem) {
        if type == .yes || type == .no { _ = try bytes.byte() } else { try skip(type) }
    }

    /// Nil for an empty list, whose elements have no type with some writers.
    private mutating func listHeader() throws(ReadProblem) -> (Int, FieldType)? {
        let head = try bytes.byte()
        let count = head >> 4 == 15 ? Int(clamping: try bytes.varint()) : Int(head >> 4)
        // Every element takes a byte at least.
        guard count <= bytes.remaining else { throw .damaged("a list goes beyond its end") }
        return count == 0 ? nil : (count, try fieldType(head & 0x0F))
    }

    private func fieldType(_ raw: UInt8) throws(ReadProblem) -> FieldType {
        guard let type = FieldType(rawValue: raw) else { throw .damaged("a field has no known type") }
        return type
    }

    private mutating func enter() throws(ReadProblem) {
        depth += 1
        guard depth <= 64 else { throw .damaged("its structures are nested too deeply") }
    }
}
