internal import Base
internal import Files
package import JSON
package import SystemPackage

/// An Arrow IPC file, in the stream format (as data sets saved to disk have it) or in the file format.
///
/// The types are those of ``ParquetFile``. Compressed record batches, dictionaries and big-endian data give an error
/// that says so. A stream that ends without its end mark is read up to there, as other readers do.
///
/// Source: apache/arrow, docs/source/format/Columnar.rst, "Serialization and Interprocess Communication".
package struct ArrowFile: Sendable {
    /// The file.
    package let path: FilePath
    /// The names of the columns, in order.
    package var columns: [String] { fields.map(\.name) }

    private let file: MappedFile
    private let limits: ColumnarLimits
    private let fields: [ArrowField]
    private let firstBatch: Int

    /// Reads a file's schema.
    ///
    /// - Throws: ``ColumnarError``, `FileError`.
    package init(_ path: FilePath, limits: ColumnarLimits = ColumnarLimits()) throws {
        self.path = path
        self.limits = limits
        file = try MappedFile(path)
        do throws(ReadProblem) {
            // The file format is a stream between two marks, with a table of contents that isn't needed here.
            var offset = Self.isFileFormat(file.bytes) ? 8 : 0
            guard
                let message = try Self.message(
                    file, &offset, limits, MemoryBudget(fileBytes: file.bytes.count)),
                message.kind == 1
            else {
                throw .damaged("it doesn't start with the schema of an Arrow stream")
            }
            guard try message.table.integer(0, Int16.self) == 0 else {
                throw .unsupported("It is big-endian.")
            }
            var fields: [ArrowField] = []
            var budget = ArrowField.Budget(limits)
            for table in try message.table.tables(1) { fields.append(try ArrowField(table, &budget)) }
            guard !fields.isEmpty else { throw .unsupported("It has no columns.") }
            guard Set(fields.map(\.name)).count == fields.count else {
                throw .unsupported("Two of its columns have one name.")
            }
            (self.fields, firstBatch) = (fields, offset)
        } catch {
            throw ColumnarError(path, error)
        }
    }

    /// Gives each row in order; one record batch is in memory at a time.
    ///
    /// - Parameter names: the columns that are wanted, those of them that the file has; nil for all.
    /// - Throws: ``ColumnarError``, also where the file has none of the columns; what the body throws.
    package func forEachRow(columns names: Set<String>? = nil, _ body: (JSONObject) throws -> Void) throws {
        let wanted = fields.indices.filter { names?.contains(fields[$0].name) ?? true }
        guard !wanted.isEmpty else { throw ColumnarError(path, .noColumn(names ?? [], among: columns)) }
        var offset = firstBatch
        var left = limits.values(ofFile: file.bytes.count)
        while let batch = try nextBatch(&offset) {
            for index in 0..<batch.rows { try body(try row(index, wanted, batch.columns, &left)) }
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

    private func nextBatch(
        _ offset: inout Int
    ) throws(ColumnarError) -> (rows: Int, columns: [ArrowColumn])? {
        do throws(ReadProblem) {
            let budget = MemoryBudget(fileBytes: file.bytes.count)
            guard let message = try Self.message(file, &offset, limits, budget) else { return nil }
            guard message.kind == 3 else { throw .unsupported("It has something else than record batches.") }
            var batch = try BatchReader(message.table, message.body, limits, budget)
            var columns: [ArrowColumn] = []
            for field in fields {
                let column = try ArrowColumn(field, &batch)
                guard column.count == batch.rows else {
                    throw .damaged("a column has another length than its batch")
                }
                columns.append(column)
            }
            return (batch.rows, columns)
        } catch {
            throw ColumnarError(path, error)
        }
    }

    /// - Parameter left: How many values the file may still have.
    private func row(
        _ index: Int, _ wanted: [Int], _ columns: [ArrowColumn], _ left: inout Int
    ) throws(ColumnarError) -> JSONObject {
        do throws(ReadProblem) {
            var budget = limits.rowValues
            var members: [(String, JSONValue)] = []
            for place in wanted {
                members.append((fields[place].name, try columns[place].value(index, &budget)))
            }
            left -= limits.rowValues - budget
            guard left >= 0 else { throw .tooManyValues(limits, file.bytes.count) }
            return JSONObject(members)
        } catch {
            throw ColumnarError(path, error)
        }
    }

    private static func isFileFormat(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.starts(with: "ARROW1".utf8)
    }

    /// The next message of a stream with its body; nil at the end.
    private static func message(
        _ file: MappedFile, _ offset: inout Int, _ limits: ColumnarLimits, _ budget: MemoryBudget
    ) throws(ReadProblem) -> (kind: UInt8, table: FlatTable, body: [UInt8])? {
        func bytes(_ count: Int) throws(ReadProblem) -> [UInt8] {
            guard count >= 0, count <= file.bytes.count - offset else {
                throw .damaged("it ends in the middle of a message")
            }
            defer { offset += count }
            return withExtendedLifetime(file) { Array(file.bytes[offset..<offset + count]) }
        }
        if offset == file.bytes.count { return nil }
        var head = ByteReader(try bytes(4))
        var size = try head.integer(UInt32.self)
        // Before Arrow 0.15 the size came without a mark.
        if size == .max {
            head = ByteReader(try bytes(4))
            size = try head.integer(UInt32.self)
        }
        if size == 0 { return nil }
        guard size <= limits.metadataBytes else {
            throw .tooLarge(
                "A message's header has \(size) bytes; \(limits.metadataBytes) are the most that are read.")
        }
        let message = try FlatTable(root: try bytes(Int(size)))
        let bodySize = try message.integer(3, Int64.self)
        guard bodySize >= 0, bodySize <= limits.pageBytes else {
            throw .tooLarge(
                "A record batch has \(bodySize) bytes; \(limits.pageBytes) are the most that are read.")
        }
        guard budget.take(Int(bodySize)) else { throw .tooMuchMemory(budget) }
        let body = try bytes(Int(bodySize))
        guard let table = try message.table(2) else { throw .damaged("a message has no content") }
        return (try message.integer(1, UInt8.self), table, body)
    }
}

/// One column of a record batch, whose sizes have all been checked.
struct ArrowColumn {
    private let field: ArrowField
    private let body: [UInt8]
    let count: Int
    /// Where the bits are that say which values are there; nil if all are.
    private let validity: Range<Int>?
    private let values: Range<Int>
    private let offsets: [Int]
    private let children: [ArrowColumn]

    /// Takes the next nodes and buffers of a batch, in the order of the schema.
    init(_ field: ArrowField, _ batch: inout BatchReader) throws(ReadProblem) {
        self.field = field
        body = batch.body
        let (count, nulls) = try batch.nextNode()
        self.count = count
        if case .null = field.kind {
            (validity, values, offsets, children) = (nil, 0..<0, [], [])
            return
        }
        let bits = try batch.nextBuffer()
        validity = nulls == 0 || bits.isEmpty ? nil : bits
        if let validity { try Self.check(validity, (count + 7) / 8) }
        guard nulls == 0 || validity != nil else {
            throw .damaged("a column doesn't say which values are null")
        }
        switch field.kind {
        case .null: (values, offsets, children) = (0..<0, [], [])
        case .boolean:
            values = try Self.check(try batch.nextBuffer(), (count + 7) / 8)
            (offsets, children) = ([], [])
        case .integer(let bits, _):
            values = try Self.check(try batch.nextBuffer(), count * bits / 8)
            (offsets, children) = ([], [])
        case .float:
            values = try Self.check(try batch.nextBuffer(), count * 4)
            (offsets, children) = ([], [])
        case .double:
            values = try Self.check(try batch.nextBuffer(), count * 8)
            (offsets, children) = ([], [])
        case .text(let isLarge):
            try batch.takePlaces(count)
            offsets = try Self.offsets(batch.body, try batch.nextBuffer(), count, isLarge)
            values = try Self.check(try batch.nextBuffer(), offsets[count])
            children = []
        case .list(let element, let isLarge):
            try batch.takePlaces(count)
            offsets = try Self.offsets(batch.body, try batch.nextBuffer(), count, isLarge)
            let child = try ArrowColumn(element, &batch)
            guard child.count >= offsets[count] else { throw .damaged("a list has too few elements") }
            (values, children) = (0..<0, [child])
        case .structure(let parts):
            var columns: [ArrowColumn] = []
            for part in parts {
                let column = try ArrowColumn(part, &batch)
                guard column.count >= count else {
                    throw .damaged("a part of a structure has too few values")
                }
                columns.append(column)
            }
            (values, offsets, children) = (0..<0, [], columns)
        }
    }

    /// One value; `budget` bounds the values of a row.
    func value(_ index: Int, _ budget: inout Int) throws(ReadProblem) -> JSONValue {
        budget -= 1
        guard budget >= 0 else { throw .tooLarge("A row has more values than the limits allow.") }
        if let validity, !bit(index, validity) { return .null }
        switch field.kind {
        case .null: return .null
        case .boolean: return .bool(bit(index, values))
        case .integer(let bits, let isSigned):
            let raw = number(index, bits / 8)
            if isSigned {
                return .integer(Int(truncatingIfNeeded: Int64(bitPattern: raw << (64 - bits)) >> (64 - bits)))
            }
            guard let number = Int(exactly: raw) else {
                throw .unsupported("Column \(field.name) has a number beyond \(Int.max).")
            }
            return .integer(number)
        case .float: return .number(Double(Float(bitPattern: UInt32(truncatingIfNeeded: number(index, 4)))))
        case .double: return .number(Double(bitPattern: number(index, 8)))
        case .text:
            let start = values.lowerBound
            guard
                let text = String(
                    validating: body[start + offsets[index]..<start + offsets[index + 1]], as: UTF8.self)
            else { throw .damaged("column \(field.name) has a text that isn't UTF-8") }
            return .string(text)
        case .list:
            var elements: [JSONValue] = []
            for element in offsets[index]..<offsets[index + 1] {
                elements.append(try children[0].value(element, &budget))
            }
            return .array(elements)
        case .structure(let parts):
            var members: [(String, JSONValue)] = []
            for (part, column) in zip(parts, children) {
                members.append((part.name, try column.value(index, &budget)))
            }
            return .object(JSONObject(members))
        }
    }

    private func bit(_ index: Int, _ range: Range<Int>) -> Bool {
        body[range.lowerBound + index / 8] >> UInt8(index % 8) & 1 == 1
    }

    private func number(_ index: Int, _ size: Int) -> UInt64 {
        let start = values.lowerBound + index * size
        return body[start..<start + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    @discardableResult
    private static func check(_ range: Range<Int>, _ size: Int) throws(ReadProblem) -> Range<Int> {
        guard range.count >= size else { throw .damaged("a column is shorter than its batch") }
        return range
    }

    /// `count + 1` places that don't fall, the first at least 0.
    private static func offsets(
        _ body: [UInt8], _ range: Range<Int>, _ count: Int, _ isLarge: Bool
    ) throws(ReadProblem) -> [Int] {
        // Without rows there may be no offset at all.
        if count == 0, range.isEmpty { return [0] }
        try check(range, (count + 1) * (isLarge ? 8 : 4))
        var reader = ByteReader(body, range)
        var offsets: [Int] = []
        offsets.reserveCapacity(count + 1)
        for _ in 0...count {
            offsets.append(
                isLarge ? Int(try reader.integer(Int64.self)) : Int(try reader.integer(Int32.self)))
            guard offsets[offsets.count - 1] >= (offsets.count > 1 ? offsets[offsets.count - 2] : 0) else {
                throw .damaged("a text or a list ends before its start")
            }
        }
        return offsets
    }
}

/// The lengths and the buffers of a record batch, taken one after another.
///
/// Source: apache/arrow, format/Message.fbs.
struct BatchReader {
    let body: [UInt8]
    let rows: Int
    private let budget: MemoryBudget
    private let nodes: [(Int64, Int64)]
    private let buffers: [(Int64, Int64)]
    private var node = 0
    private var buffer = 0

    init(
        _ table: FlatTable, _ body: [UInt8], _ limits: ColumnarLimits, _ budget: MemoryBudget
    ) throws(ReadProblem) {
        self.body = body
        self.budget = budget
        if let compression = try table.table(3) {
            let codec = try compression.integer(0, UInt8.self) == 0 ? "LZ4" : "ZSTD"
            throw .unsupported(
                "Its record batches are compressed by \(codec), which isn't read here. Write the file again without compression."
            )
        }
        let length = try table.integer(0, Int64.self)
        guard length >= 0, length <= limits.pageValues else {
            throw .tooLarge(
                "A record batch has \(length) rows; \(limits.pageValues) are the most that are read.")
        }
        rows = Int(length)
        nodes = try table.pairs(1)
        buffers = try table.pairs(2)
    }

    /// The length of the next column and how many of its values are null.
    mutating func nextNode() throws(ReadProblem) -> (count: Int, nulls: Int) {
        guard node < nodes.count else { throw .damaged("a record batch has too few columns") }
        let (count, nulls) = nodes[node]
        node += 1
        guard (0...1 << 40).contains(count), (0...count).contains(nulls) else {
            throw .damaged("a column has an impossible length")
        }
        return (Int(count), Int(nulls))
    }

    /// Counts the places of a column's values: several columns may refer to one buffer.
    func takePlaces(_ count: Int) throws(ReadProblem) {
        guard budget.take(8 * (count + 1)) else { throw .tooMuchMemory(budget) }
    }

    mutating func nextBuffer() throws(ReadProblem) -> Range<Int> {
        guard buffer < buffers.count else { throw .damaged("a record batch has too few buffers") }
        let (offset, length) = buffers[buffer]
        buffer += 1
        guard offset >= 0, offset <= body.count, length >= 0, length <= Int64(body.count) - offset else {
            throw .damaged("a column goes beyond its record batch")
        }
        return Int(offset)..<Int(offset + length)
    }
}
