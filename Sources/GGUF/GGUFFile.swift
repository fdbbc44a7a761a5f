public import Base
public import Files
public import SystemPackage

/// A memory-mapped GGUF file, as llama.cpp's programs write models: metadata, a table of tensors, their bytes.
///
/// The format is that of ggml's `docs/gguf.md`, versions 2 and 3, with numbers in little-endian order. Memory is in
/// proportion to the header: every count is compared with the bytes that follow before anything is reserved for it.
public struct GGUFFile: Sendable {
    /// One line of the table of tensors.
    public struct Tensor: Sendable {
        public let name: String
        public let type: GGUFTensorType
        /// Extents, the longest distance in memory first: rows, columns.
        public let shape: [Int]
        /// Bytes of the tensor, counted from the start of the file.
        public let range: Range<Int>
        public var count: Int { shape.reduce(1, *) }
    }

    public let map: MappedFile
    /// Tensors by name.
    public let tensors: [String: Tensor]
    /// Values by key; lists of lists are left out.
    let metadata: [String: GGUFValue]

    public var path: FilePath { map.path }

    /// Bytes of a tensor's name and of a key, as the format limits them.
    private static let longestName: UInt64 = 64
    private static let longestKey: UInt64 = 65_535

    /// Maps the file and checks its header: every key and tensor once, every tensor inside the file, as long as its shape
    /// says, where ggml expects it.
    /// - Throws: ``GGUFError``, `FileError`.
    public init(_ path: FilePath) throws {
        map = try MappedFile(path)
        var cursor = GGUFCursor(map)
        let size = map.bytes.count
        guard size >= 24, try cursor.integer(UInt32.self, "the header") == 0x4655_4747 else {
            throw GGUFError(
                path, nil, "doesn't begin with \"GGUF\" and a header of 24 bytes; it is no GGUF file")
        }
        let version = try cursor.integer(UInt32.self, "the header")
        guard version == 2 || version == 3 else {
            let isSwapped = version.byteSwapped == 2 || version.byteSwapped == 3
            throw GGUFError(
                path, nil,
                isSwapped
                    ? "has its numbers in big-endian order; only little-endian files are read"
                    : "is of version \(version) of the format; versions 2 and 3 are read")
        }
        let tensorCount = try cursor.integer(UInt64.self, "the header")
        let valueCount = try cursor.integer(UInt64.self, "the header")
        metadata = try Self.metadata(valueCount, &cursor, path)
        let alignment = try Self.alignment(metadata, path)
        tensors = try Self.tensors(tensorCount, &cursor, alignment, size, path)
    }

    /// The bytes of a tensor.
    public func bytes(of tensor: Tensor) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: map.bytes[tensor.range])
    }

    private static func metadata(
        _ count: UInt64, _ cursor: inout GGUFCursor, _ path: FilePath
    ) throws(GGUFError) -> [String: GGUFValue] {
        // A key of no bytes, its type, a value of one byte.
        guard count <= UInt64(cursor.left / 13) else {
            throw GGUFError(
                path, nil,
                "claims \(count) keys where \(cursor.left) bytes follow; the file is truncated or damaged")
        }
        var metadata: [String: GGUFValue] = [:]
        var passedOver: Set<String> = []
        for index in 0..<count {
            let key = try cursor.string("key number \(index + 1)", limit: longestKey)
            let subject = "key \(key)"
            guard metadata[key] == nil, !passedOver.contains(key) else {
                throw GGUFError(path, subject, "stands in the metadata twice; the file is damaged")
            }
            let value = try cursor.value(try cursor.valueType(subject), subject)
            if let value { metadata[key] = value } else { passedOver.insert(key) }
        }
        return metadata
    }

    /// What the places of tensors are multiples of.
    private static func alignment(
        _ metadata: [String: GGUFValue], _ path: FilePath
    ) throws(GGUFError) -> Int {
        guard let value = metadata["general.alignment"] else { return 32 }
        guard case .unsigned(let alignment) = value, alignment >= 1, alignment <= 1 << 20,
            alignment & (alignment - 1) == 0
        else {
            throw GGUFError(path, "key general.alignment", "should be a power of two up to \(1 << 20)")
        }
        return Int(alignment)
    }

    private static func tensors(
        _ count: UInt64, _ cursor: inout GGUFCursor, _ alignment: Int, _ size: Int, _ path: FilePath
    ) throws(GGUFError) -> [String: Tensor] {
        // A name of no bytes, the number of extents, the type, the offset.
        guard count <= UInt64(cursor.left / 24) else {
            throw GGUFError(
                path, nil,
                "claims \(count) tensors where \(cursor.left) bytes follow; the file is truncated or damaged")
        }
        var entries: [(entry: Entry, offset: UInt64)] = []
        var names: Set<String> = []
        for index in 0..<count {
            let name = try cursor.string("tensor number \(index + 1)", limit: longestName)
            guard names.insert(name).inserted else {
                throw GGUFError(path, "tensor \(name)", "stands in the table twice; the file is damaged")
            }
            entries.append(try entry(name, &cursor, path))
        }
        func padded(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }
        var end = padded(cursor.offset)
        let start = end
        var tensors: [String: Tensor] = [:]
        // In the order of the table and without gaps, as ggml wants it: so no two tensors share bytes.
        for (entry, offset) in entries {
            let subject = "tensor \(entry.name)"
            guard offset == UInt64(end - start) else {
                throw GGUFError(
                    path, subject,
                    "begins at byte \(offset) of the data; behind the tensor before it \(end - start) is expected, so tensors overlap or leave gaps"
                )
            }
            guard entry.bytes <= size - end else {
                throw GGUFError(
                    path, subject,
                    "lies at bytes \(offset)..<\(end - start + entry.bytes) of the data, but the file holds only \(max(0, size - start)); it is truncated"
                )
            }
            tensors[entry.name] = Tensor(
                name: entry.name, type: entry.type, shape: entry.shape, range: end..<end + entry.bytes)
            end = padded(end + entry.bytes)
        }
        guard size <= max(end, start) else {
            throw GGUFError(
                path, nil,
                "has \(size) bytes, but the last tensor ends at \(end) with its padding; bytes that belong to no tensor are not allowed"
            )
        }
        return tensors
    }

    /// A line of the table before its place is known to be right.
    private struct Entry {
        let name: String
        let type: GGUFTensorType
        let shape: [Int]
        let bytes: Int
    }

    private static func entry(
        _ name: String, _ cursor: inout GGUFCursor, _ path: FilePath
    ) throws(GGUFError) -> (Entry, UInt64) {
        let subject = "tensor \(name)"
        let rank = try cursor.integer(UInt32.self, subject)
        guard rank <= 4 else {
            throw GGUFError(path, subject, "has \(rank) extents; the format allows up to 4")
        }
        var extents: [UInt64] = []
        for _ in 0..<rank { extents.append(try cursor.integer(UInt64.self, subject)) }
        let number = try cursor.integer(UInt32.self, subject)
        guard let type = GGUFTensorType(rawValue: number) else {
            let known = GGUFTensorType.allCases.map(\.name).joined(separator: ", ")
            throw GGUFError(
                path, subject,
                "has the type \(GGUFTensorType.otherName(number)), which isn't implemented; implemented are \(known)"
            )
        }
        let offset = try cursor.integer(UInt64.self, subject)
        let block = type.block
        guard (extents.first ?? 1) % UInt64(block.elements) == 0 else {
            throw GGUFError(
                path, subject,
                "has rows of \(extents.first ?? 1) elements; in \(type.name) they are a multiple of \(block.elements)"
            )
        }
        // A limit that leaves room for sums of places; also without the extents that are 0, so that in any order the products
        // are numbers.
        var product: UInt64 = 1
        for extent in extents {
            let (next, overflow) = product.multipliedReportingOverflow(by: max(1, extent))
            guard !overflow, next <= 1 << 48 else {
                throw GGUFError(path, subject, "has an impossible shape")
            }
            product = next
        }
        let count = extents.contains(0) ? 0 : product
        return (
            Entry(
                name: name, type: type, shape: extents.reversed().map { Int($0) },
                bytes: Int(count) / block.elements * block.bytes), offset
        )
    }
}

extension GGUFFile {
    private static let suffix = ".gguf"

    /// The file that stands for a model's folder: the path itself, or the only one of a folder without config.json; nil for
    /// a folder in Hugging Face layout, and where nothing is.
    /// - Throws: ``GGUFError`` for a folder with several; `FileError`.
    public static func path(of model: FilePath) throws -> FilePath? {
        switch try FileSystem.status(model)?.kind {
        case .file?: return model.string.byteText.hasSuffix(suffix) ? model : nil
        case .folder?: break
        default: return nil
        }
        guard !FileSystem.exists(model.appending("config.json")) else { return nil }
        let names = try names(in: model)
        guard names.count > 1 else { return names.first.map { model.appending($0) } }
        throw GGUFError(
            model, nil,
            "has \(names.count) files in GGUF (\(names.prefix(3).joined(separator: ", "))\(names.count > 3 ? ", …" : "")) and no config.json; a model is one file. Name the file, or leave one in the folder"
        )
    }

    /// Names of a folder's GGUF files, sorted by their bytes.
    private static func names(in folder: FilePath) throws -> [String] {
        try FileSystem.list(folder).filter { $0.byteText.hasSuffix(suffix) && !$0.byteText.hasPrefix(".") }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The model's GGUF file, opened; nil as for ``path(of:)``.
    /// - Throws: as ``path(of:)`` and ``init(_:)``; ``GGUFError`` for one part of several.
    public init?(model: FilePath) throws {
        guard let path = try Self.path(of: model) else { return nil }
        try self.init(path)
        if let parts = try integer("split.count"), parts > 1 {
            throw GGUFError(
                path, "key split.count",
                "says that the file is one part of \(parts); merge them (llama-gguf-split --merge) into one file"
            )
        }
    }
}

/// What is wrong with a GGUF file: the key or tensor, and what was expected there.
public struct GGUFError: Failure, Sendable {
    public var failureKind: FailureKind { .inputOutput }

    public let file: FilePath
    /// What is concerned, such as `key general.alignment` or `tensor output.weight`; nil for the whole file.
    public let subject: String?
    /// A sentence: what is wrong and what would be right.
    public let message: String

    public init(_ file: FilePath, _ subject: String? = nil, _ message: String) {
        self.file = file
        self.subject = subject
        self.message = message
    }

    public var description: String { "\(file): " + (subject.map { "\($0): " } ?? "") + message }
}

/// How the elements of a tensor are stored: the types that this program reads, by their numbers in the format.
public enum GGUFTensorType: UInt32, Sendable, CaseIterable {
    case float32 = 0
    case float16 = 1
    case bfloat16 = 30
    case q80 = 8
    case q40 = 2
    case q41 = 3
    case q50 = 6
    case q51 = 7
    case q4K = 12
    case q5K = 13
    case q6K = 14

    /// The name that ggml gives it.
    public var name: String {
        switch self {
        case .float32: "F32"
        case .float16: "F16"
        case .bfloat16: "BF16"
        case .q80: "Q8_0"
        case .q40: "Q4_0"
        case .q41: "Q4_1"
        case .q50: "Q5_0"
        case .q51: "Q5_1"
        case .q4K: "Q4_K"
        case .q5K: "Q5_K"
        case .q6K: "Q6_K"
        }
    }

    /// Elements of a row that share scales, and the bytes that they take.
    public var block: (elements: Int, bytes: Int) {
        switch self {
        case .float32: (1, 4)
        case .float16, .bfloat16: (1, 2)
        case .q80: (32, 34)
        case .q40: (32, 18)
        case .q41: (32, 20)
        case .q50: (32, 22)
        case .q51: (32, 24)
        case .q4K: (256, 144)
        case .q5K: (256, 176)
        case .q6K: (256, 210)
        }
    }

    /// What another type of the format is called.
    static func otherName(_ number: UInt32) -> String {
        others[number].map { "\($0) (\(number))" } ?? "\(number)"
    }

    private static let others: [UInt32: String] = [
        9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS",
        19: "IQ1_S",
        20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64",
        28: "F64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
    ]
}
