internal import Archives
internal import SystemPackage

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
