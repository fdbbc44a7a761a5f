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
