public import Files
internal import JSON
public import SystemPackage

/// A memory-mapped safetensors file: an 8-byte length, a JSON header, then the tensors' bytes.
public struct SafetensorsFile: Sendable {
    /// Element types that the format knows and that are used here.
    public enum ElementType: String, Sendable, CaseIterable {
        case float32 = "F32"
        case bfloat16 = "BF16"
        case float16 = "F16"
        case float64 = "F64"
        case int64 = "I64"
        case int32 = "I32"
        case int16 = "I16"
        case int8 = "I8"
        case uint8 = "U8"
        case bool = "BOOL"

        /// Bytes of one element.
        public var size: Int {
            switch self {
            case .float64, .int64: 8
            case .float32, .int32: 4
            case .bfloat16, .float16, .int16: 2
            case .int8, .uint8, .bool: 1
            }
        }
    }

    /// One entry of the header.
    public struct Entry: Sendable {
        public let type: ElementType
        public let shape: [Int]
        /// Bytes of the tensor, counted from the start of the file.
        public let range: Range<Int>
        public var count: Int { shape.reduce(1, *) }
    }

    public let map: MappedFile
    /// Tensors by name.
    public let entries: [String: Entry]
    /// The header's `__metadata__`.
    public let metadata: [String: String]

    /// Maps the file and checks its header: every tensor inside the file, its size as its shape says, and every
    /// byte behind the header in exactly one tensor.
    /// - Throws: ``CheckpointError``, `FileError`.
    public init(_ path: FilePath) throws {
        map = try MappedFile(path)
        let size = map.bytes.count
        guard size >= 8 else {
            throw CheckpointError(path, "has \(size) bytes; a safetensors file starts with an 8-byte length")
        }
        let length = UInt64(littleEndian: map.bytes.loadUnaligned(as: UInt64.self))
        guard length >= 2, length <= UInt64(size - 8) else {
            throw CheckpointError(
                path,
                "the header claims \(length) bytes where \(size - 8) follow; the file is truncated or not a safetensors file"
            )
        }
        let start = 8 + Int(length)
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: Array(map.bytes[8..<start]), name: "header")
        } catch {
            throw CheckpointError(
                path, "the header is not valid JSON (\(error.message)); the file is damaged")
        }
        guard let members = document.root.members else {
            throw CheckpointError(path, "the header is \(document.root.kindName), not an object of tensors")
        }
        var entries: [String: Entry] = [:]
        var metadata: [String: String] = [:]
        for member in members {
            if member.key == "__metadata__" {
                for item in member.value.members ?? [] { metadata[item.key] = item.value.string }
                continue
            }
            entries[member.key] = try Self.entry(member, dataStart: start, fileSize: size, path)
        }
        try Self.checkLayout(entries, dataStart: start, fileSize: size, path)
        self.entries = entries
        self.metadata = metadata
    }

    /// The bytes of a tensor.
    public func bytes(of entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: map.bytes[entry.range])
    }

    /// The elements of an integer tensor (`I64`, `I32`, `I16`, `I8`, `U8`, `BOOL`), row by row.
    /// - Throws: ``CheckpointError`` when the tensor is missing or of another type.
    public func integers(_ name: String) throws(CheckpointError) -> [Int] {
        let entry = try self.entry(named: name)
        let raw = bytes(of: entry)
        func load<T: FixedWidthInteger>(_: T.Type) -> [Int] {
            (0..<entry.count).map {
                Int(T(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * T.bitWidth / 8, as: T.self)))
            }
        }
        switch entry.type {
        case .int64: return load(Int64.self)
        case .int32: return load(Int32.self)
        case .int16: return load(Int16.self)
        case .int8: return load(Int8.self)
        case .uint8, .bool: return load(UInt8.self)
        default: throw CheckpointError(map.path, tensor: name, "holds \(entry.type.rawValue), not integers")
        }
    }

    /// The entry of a tensor that must be there.
    public func entry(named name: String) throws(CheckpointError) -> Entry {
        guard let entry = entries[name] else {
            throw CheckpointError(map.path, tensor: name, "is missing; the file has \(entries.count) tensors")
        }
        return entry
    }
}
