internal import Base
internal import Files
package import JSON
package import SystemPackage

/// A Parquet file: rows of texts, numbers and truth values, and of lists and structures of them.
///
/// Read are the encodings PLAIN, PLAIN_DICTIONARY, RLE_DICTIONARY, RLE, DELTA_BINARY_PACKED,
/// DELTA_LENGTH_BYTE_ARRAY and BYTE_STREAM_SPLIT, data pages of both versions, and pages that aren't compressed
/// or by SNAPPY, GZIP or ZSTD. A column with anything else gives an error that names it, where it is asked for. Checksums
/// of pages aren't compared.
///
/// Source: apache/parquet-format.
package struct ParquetFile: Sendable {
    /// The file.
    package let path: FilePath
    /// The number of rows.
    package let rowCount: Int
    /// The number of row groups.
    package let rowGroupCount: Int
    /// The names of the columns, in order; a list or a structure is one.
    package var columns: [String] { tree.map(\.name) }

    private let file: MappedFile
    private let limits: ColumnarLimits
    private let tree: [SchemaNode]
    private let leaves: [Column]
    private let rowGroups: [RowGroup]

    /// Reads a file's footer.
    ///
    /// - Throws: ``ColumnarError``, `FileError`.
    package init(_ path: FilePath, limits: ColumnarLimits = ColumnarLimits()) throws {
        self.path = path
        self.limits = limits
        file = try MappedFile(path)
        do throws(ReadProblem) {
            let footer = try Self.footer(of: file, limits)
            var reader = ThriftReader(ByteReader(footer))
            let metadata = try FileMetadata(&reader)
            let schema = try SchemaTree(metadata.schema, limits)
            (tree, leaves, rowGroups) = (schema.fields, schema.columns, metadata.rowGroups)
            rowCount = metadata.rows
            rowGroupCount = rowGroups.count
            var rows = 0
            var left = limits.values(ofFile: file.bytes.count)
            for group in rowGroups {
                // Fewer rows together than any number that could overflow.
                guard group.chunks.count == leaves.count, (0...1 << 40).contains(group.rows),
                    rows <= 1 << 48
                else {
                    throw .damaged("a row group has another number of columns than the schema, or of rows")
                }
                rows += group.rows
                for chunk in group.chunks {
                    // The column itself is told of numbers below 0.
                    guard chunk.values <= left else { throw .tooManyValues(limits, file.bytes.count) }
                    left -= max(0, chunk.values)
                }
            }
            guard rows == metadata.rows else {
                throw .damaged("its row groups have \(rows) rows, and it says \(metadata.rows)")
            }
        } catch {
            throw ColumnarError(path, error)
        }
    }

    /// Whether some bytes start as a Parquet file does.
    package static func isParquet(_ start: some Sequence<UInt8>) -> Bool { start.starts(with: magic) }

    /// Gives each row in order; one page of each column is in memory at a time.
    ///
    /// Floating-point numbers may be infinite or not a number, which JSON can't write.
    ///
    /// - Parameter names: the columns that are wanted, those of them that the file has; nil for all. Pages of the others
    ///   aren't read, so that they may hold what isn't read here.
    /// - Throws: ``ColumnarError``, also where the file has none of the columns; what the body throws.
    package func forEachRow(columns names: Set<String>? = nil, _ body: (JSONObject) throws -> Void) throws {
        var fields: [SchemaNode] = []
        var wanted: [Int] = []
        for field in tree where names?.contains(field.name) ?? true {
            fields.append(field.moved(by: field.columns.lowerBound - wanted.count))
            wanted += field.columns
        }
        // Rows without a value would have no end that a file's size bounds.
        guard !fields.isEmpty else { throw ColumnarError(path, .noColumn(names ?? [], among: columns)) }
        for group in rowGroups {
            let budget = MemoryBudget(fileBytes: file.bytes.count)
            var cursors: [ColumnCursor] = []
            do throws(ReadProblem) {
                for index in wanted {
                    cursors.append(
                        try ColumnCursor(leaves[index], group.chunks[index], file, limits, budget))
                }
            } catch {
                throw ColumnarError(path, error)
            }
            var assembler = RowAssembler(fields, cursors, limits)
            for _ in 0..<group.rows { try body(try row(&assembler)) }
            do throws(ReadProblem) { try assembler.finish() } catch { throw ColumnarError(path, error) }
        }
    }

    /// All rows.
    ///
    /// - Throws: ``ColumnarError``.
    package func rows() throws -> [JSONObject] {
        var rows: [JSONObject] = []
        try forEachRow { rows.append($0) }
        return rows
    }

    private func row(_ assembler: inout RowAssembler) throws(ColumnarError) -> JSONObject {
        do throws(ReadProblem) { return try assembler.row() } catch { throw ColumnarError(path, error) }
    }

    private static let magic = Array("PAR1".utf8)

    private static func footer(of file: MappedFile, _ limits: ColumnarLimits) throws(ReadProblem) -> [UInt8] {
        let size = file.bytes.count
        guard size >= 12 else { throw .damaged("it is shorter than any Parquet file") }
        let tail = withExtendedLifetime(file) { Array(file.bytes[(size - 8)...]) }
        guard !tail[4...].elementsEqual("PARE".utf8) else { throw .unsupported("It is encrypted.") }
        guard tail[4...].elementsEqual(magic) else { throw .damaged("it doesn't end as a Parquet file does") }
        var reader = ByteReader(tail)
        let length = Int(try reader.integer(UInt32.self))
        guard length <= size - 12 else { throw .damaged("its footer is larger than the file") }
        guard length <= limits.metadataBytes else {
            throw .tooLarge(
                "Its footer has \(length) bytes; \(limits.metadataBytes) are the most that are read.")
        }
        return withExtendedLifetime(file) { Array(file.bytes[(size - 8 - length)..<(size - 8)]) }
    }
}

/// Puts the columns of a row group together to rows.
struct RowAssembler {
    private let fields: [SchemaNode]
    private var cursors: [ColumnCursor]
    private let limits: ColumnarLimits
    private var taken = 0

    init(_ fields: [SchemaNode], _ cursors: [ColumnCursor], _ limits: ColumnarLimits) {
        self.fields = fields
        self.cursors = cursors
        self.limits = limits
    }

    mutating func row() throws(ReadProblem) -> JSONObject {
        taken = 0
        var members: [(String, JSONValue)] = []
        for field in fields {
            for index in field.columns {
                guard try cursors[index].advance() else {
                    throw .damaged("column \(cursors[index].column.name) has too few rows")
                }
                guard cursors[index].repetition == 0 else {
                    throw .damaged("column \(cursors[index].column.name) has a row without a start")
                }
            }
            members.append((field.name, try value(field)))
        }
        return JSONObject(members)
    }

    /// That nothing is left behind the last row.
    mutating func finish() throws(ReadProblem) {
        for field in fields {
            for index in field.columns where try cursors[index].advance() {
                throw .damaged("column \(cursors[index].column.name) has more rows than its row group")
            }
        }
    }

    private mutating func value(_ node: SchemaNode) throws(ReadProblem) -> JSONValue {
        // The first column below a node tells for all whether it is there.
        let first = node.columns.lowerBound
        guard try cursors[first].advance() else {
            throw .damaged("column \(cursors[first].column.name) has too few values")
        }
        if cursors[first].definition < node.definition { return try skip(node, giving: .null) }
        switch node.kind {
        case .value:
            try count()
            return try cursors[first].take()
        case .structure(let parts):
            var members: [(String, JSONValue)] = []
            for part in parts { members.append((part.name, try value(part))) }
            return .object(JSONObject(members))
        case .list(let element, let definition, let repetition):
            if cursors[first].definition < definition { return try skip(node, giving: []) }
            var elements: [JSONValue] = []
            repeat {
                elements.append(try value(element))
            } while try cursors[first].advance() && cursors[first].repetition == repetition
            return .array(elements)
        }
    }

    private mutating func skip(_ node: SchemaNode, giving value: JSONValue) throws(ReadProblem) -> JSONValue {
        for index in node.columns {
            try count()
            _ = try cursors[index].take()
        }
        return value
    }

    private mutating func count() throws(ReadProblem) {
        taken += 1
        guard taken <= limits.rowValues else {
            throw .tooLarge("A row has more than \(limits.rowValues) values.")
        }
    }
}

/// A column, a structure or a list, and the levels at which it is there.
///
/// Source: S. Melnik et al., "Dremel", 2010; apache/parquet-format, LogicalTypes.md, "Nested Types".
struct SchemaNode: Sendable {
    indirect enum Kind: Sendable {
        case value
        case structure([SchemaNode])
        /// A list has elements from this definition level on; each further element has this repetition level.
        case list(SchemaNode, definition: Int, repetition: Int)
    }

    let name: String
    /// Below this definition level it is null.
    let definition: Int
    let kind: Kind
    /// The columns below it.
    let columns: Range<Int>

    /// The same with its columns elsewhere: so many places before.
    func moved(by places: Int) -> SchemaNode {
        let moved: Kind =
            switch kind {
            case .value: .value
            case .structure(let parts): .structure(parts.map { $0.moved(by: places) })
            case .list(let element, let definition, let repetition):
                .list(element.moved(by: places), definition: definition, repetition: repetition)
            }
        return SchemaNode(
            name: name, definition: definition, kind: moved,
            columns: columns.lowerBound - places..<columns.upperBound - places)
    }
}

/// Makes a tree of the list in which a footer writes the schema.
struct SchemaTree {
    private(set) var columns: [Column] = []
    private(set) var fields: [SchemaNode] = []
    private let elements: [SchemaElement]
    private let limits: ColumnarLimits
    private var position = 0
    private var nameBytes = 0

    init(_ elements: [SchemaElement], _ limits: ColumnarLimits) throws(ReadProblem) {
        self.elements = elements
        self.limits = limits
        let root = try next()
        for _ in 0..<root.children { fields.append(try node([], definition: 0, repetition: 0)) }
        guard position == elements.count else { throw .damaged("its schema has more columns than it says") }
        guard !fields.isEmpty else { throw .unsupported("It has no columns.") }
        guard Set(fields.map(\.name)).count == fields.count else {
            throw .unsupported("Two of its columns have one name.")
        }
    }

    private mutating func next() throws(ReadProblem) -> SchemaElement {
        guard position < elements.count else { throw .damaged("its schema ends too early") }
        defer { position += 1 }
        let element = elements[position]
        guard (0...elements.count).contains(element.children) else {
            throw .damaged("a column has an impossible number of parts")
        }
        return element
    }

    private mutating func node(
        _ path: [String], definition: Int, repetition: Int
    ) throws(ReadProblem) -> SchemaNode {
        let element = try next()
        let path = path + [element.name]
        guard path.count <= 32 else { throw .unsupported("Its columns are nested more than 32 deep.") }
        let start = columns.count
        // A repeated field without a list around it: a list that is never null.
        if element.repetition == .repeated {
            let item = try content(element, path, definition: definition + 1, repetition: repetition + 1)
            return SchemaNode(
                name: element.name, definition: definition,
                kind: .list(item, definition: definition + 1, repetition: repetition + 1),
                columns: start..<columns.count)
        }
        let own = definition + (element.repetition == .optional ? 1 : 0)
        guard element.isList, element.children == 1, position < elements.count,
            elements[position].repetition == .repeated
        else { return try content(element, path, definition: own, repetition: repetition) }
        let item = try self.item(of: element, path, definition: own + 1, repetition: repetition + 1)
        return SchemaNode(
            name: element.name, definition: own,
            kind: .list(item, definition: own + 1, repetition: repetition + 1),
            columns: start..<columns.count)
    }

    /// The elements of a list: below its repeated group, or that group itself as older writers have it.
    private mutating func item(
        of list: SchemaElement, _ path: [String], definition: Int, repetition: Int
    ) throws(ReadProblem) -> SchemaNode {
        let middle = try next()
        let isElement =
            middle.children != 1 || middle.name == "array" || middle.name == "\(list.name)_tuple"
        if isElement {
            return try content(middle, path + [middle.name], definition: definition, repetition: repetition)
        }
        return try node(path + [middle.name], definition: definition, repetition: repetition)
    }

    /// A value or a structure, whose own repetition is in the levels already.
    private mutating func content(
        _ element: SchemaElement, _ path: [String], definition: Int, repetition: Int
    ) throws(ReadProblem) -> SchemaNode {
        let start = columns.count
        let kind: SchemaNode.Kind
        if element.children == 0 {
            let name = try joined(path)
            guard element.type != nil else {
                throw .unsupported("Column \(name) is a structure without parts.")
            }
            columns.append(
                try Column(element, name: name, definition: definition, repetition: repetition))
            kind = .value
        } else {
            var parts: [SchemaNode] = []
            for _ in 0..<element.children {
                parts.append(try node(path, definition: definition, repetition: repetition))
            }
            kind = .structure(parts)
        }
        return SchemaNode(
            name: element.name, definition: definition, kind: kind, columns: start..<columns.count)
    }

    /// The name of a column; the names of its parents are in it, so that short files can have long ones.
    private mutating func joined(_ path: [String]) throws(ReadProblem) -> String {
        nameBytes += path.reduce(path.count - 1) { $0 + $1.utf8.count }
        guard nameBytes <= limits.nameBytes else { throw .longNames(limits) }
        return path.joined(separator: ".")
    }
}

extension SchemaElement {
    /// Whether it is a list or a map, which is a list of keys with their values.
    fileprivate var isList: Bool {
        [1, 2, 3].contains(convertedType) || logicalType == 2 || logicalType == 3
    }
}
