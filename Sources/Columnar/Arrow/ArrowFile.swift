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
