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
