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
