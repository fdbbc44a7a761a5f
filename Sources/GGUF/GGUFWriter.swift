public import Files
public import SystemPackage

/// Writes GGUF files, as ``GGUFFile`` and llama.cpp's programs read them: version 3, numbers in little-endian order.
public enum GGUFWriter {
    /// One value of the metadata under its key.
    public struct Entry: Sendable {
        public let key: String
        public let value: Value

        public init(_ key: String, _ value: Value) {
            self.key = key
            self.value = value
        }
    }

    /// A value, in the types that llama.cpp's `convert_hf_to_gguf.py` gives the keys.
    public enum Value: Sendable {
        case uint32(UInt32)
        case float32(Float)
        case bool(Bool)
        case string(String)
        case strings([String])
        case int32s([Int32])
    }

    /// A tensor to be written.
    public struct Tensor: Sendable {
        public let name: String
        public let type: GGUFTensorType
        /// Extents, the longest distance in memory first: rows, columns.
        public let shape: [Int]
        /// Appends the tensor's bytes, in pieces.
        let write: @Sendable (borrowing FileSink) throws -> Void

        /// - Parameter write: appends as many bytes as type and shape say; called once, when the tensor's turn comes, so that
        ///   only one of many is in memory.
        public init(
            _ name: String, _ type: GGUFTensorType, shape: [Int],
            write: @escaping @Sendable (borrowing FileSink) throws -> Void
        ) {
            self.name = name
            self.type = type
            self.shape = shape
            self.write = write
        }

        /// Bytes of the tensor.
        var size: Int { shape.reduce(1, *) / type.block.elements * type.block.bytes }
    }

    /// What places of tensors are multiples of, where the metadata doesn't say otherwise.
    private static let alignment = 32

    /// Writes metadata and tensors in order; the file appears whole or not at all.
    /// - Throws: `FileError`; ``GGUFError`` where a tensor hasn't got the bytes that its shape says; what writing tensors
    ///   throws.
    public static func write(_ metadata: [Entry], _ tensors: [Tensor], to path: FilePath) throws {
        var header = number(UInt32(0x4655_4747)) + number(UInt32(3))
        header += number(UInt64(tensors.count)) + number(UInt64(metadata.count))
        for entry in metadata { header += text(entry.key) + bytes(entry.value) }
        var offset = 0
        for tensor in tensors {
            let columns = tensor.shape.last ?? 1
            precondition(
                columns % tensor.type.block.elements == 0,
                "\(tensor.name): rows of \(columns) elements can't be of type \(tensor.type.name)")
            header += text(tensor.name) + number(UInt32(tensor.shape.count))
            for extent in tensor.shape.reversed() { header += number(UInt64(extent)) }
            header += number(tensor.type.rawValue) + number(UInt64(offset))
            offset += padded(tensor.size)
        }
        header += [UInt8](repeating: 0, count: padded(header.count) - header.count)
        try FileSystem.writeAtomically(to: path) { sink in
            try sink.append(header)
            for tensor in tensors {
                try tensor.write(sink)
                try sink.append([UInt8](repeating: 0, count: padded(tensor.size) - tensor.size))
            }
        }
        // Reads the header only: every tensor in its place, and no byte too many.
        do { _ = try GGUFFile(path) } catch {
            try? FileSystem.remove(path)
            throw error
        }
    }

    private static func padded(_ size: Int) -> Int { (size + alignment - 1) / alignment * alignment }

    private static func number<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private static func text(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count)) + Array(text.utf8) }

    /// The number of the type and the value.
    private static func bytes(_ value: Value) -> [UInt8] {
        func list<T>(_ type: GGUFValueType, _ elements: [T], _ bytes: (T) -> [UInt8]) -> [UInt8] {
            var all = number(GGUFValueType.array.rawValue) + number(type.rawValue)
            all += number(UInt64(elements.count))
            for element in elements { all += bytes(element) }
            return all
        }
        switch value {
        case .uint32(let value): return number(GGUFValueType.uint32.rawValue) + number(value)
        case .float32(let value): return number(GGUFValueType.float32.rawValue) + number(value.bitPattern)
        case .bool(let flag): return number(GGUFValueType.bool.rawValue) + [flag ? 1 : 0]
        case .string(let value): return number(GGUFValueType.string.rawValue) + text(value)
        case .strings(let texts): return list(.string, texts) { text($0) }
        case .int32s(let numbers): return list(.int32, numbers) { number($0) }
        }
    }
}
