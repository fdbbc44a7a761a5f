internal import Files
public import SystemPackage

/// Puts GGUF files together, right ones and wrong ones.
public struct GGUFBuilder: Sendable {
    /// A value of the metadata.
    public enum Value: Sendable {
        case uint32(UInt32)
        case int32(Int32)
        case uint64(UInt64)
        case float32(Float)
        case bool(Bool)
        case string(String)
        case strings([String])
        case integers([Int32])
        /// A type's number and what follows it.
        case raw(UInt32, [UInt8])
    }

    /// A line of the table of tensors with the tensor's bytes.
    public struct Tensor: Sendable {
        public var name: String
        /// The length of rows first.
        public var extents: [UInt64]
        public var type: UInt32
        public var bytes: [UInt8]
        /// What the line says instead of where the bytes are.
        public var offset: UInt64?

        public init(
            _ name: String, _ extents: [UInt64], type: UInt32 = 0, bytes: [UInt8], offset: UInt64? = nil
        ) {
            self.name = name
            self.extents = extents
            self.type = type
            self.bytes = bytes
            self.offset = offset
        }

        /// Zeros in 32-bit floats.
        public static func zeros(_ name: String, _ extents: [UInt64]) -> Tensor {
            Tensor(
                name, extents, bytes: [UInt8](repeating: 0, count: Int(extents.reduce(1, *)) * 4))
        }
    }

    public var magic = Array("GGUF".utf8)
    public var version: UInt32 = 3
    public var values: [(key: String, value: Value)]
    public var tensors: [Tensor]
    /// What the header says instead of their numbers.
    public var valueCount: UInt64?
    public var tensorCount: UInt64?
    public var alignment = 32

    public init(_ values: [(key: String, value: Value)] = [], _ tensors: [Tensor] = []) {
        self.values = values
        self.tensors = tensors
    }

    /// Sets or adds a value.
    public subscript(key: String) -> Value? {
        get { values.first { $0.key == key }?.value }
        set {
            let place = values.firstIndex { $0.key == key }
            if let newValue, let place {
                values[place].value = newValue
            } else if let newValue {
                values.append((key, newValue))
            } else if let place {
                values.remove(at: place)
            }
        }
    }

    public static func number<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    public static func text(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count)) + Array(text.utf8) }

    private static func bytes(_ value: Value) -> [UInt8] {
        func list<T>(_ type: UInt32, _ elements: [T], _ bytes: (T) -> [UInt8]) -> [UInt8] {
            number(UInt32(9)) + number(type) + number(UInt64(elements.count)) + elements.flatMap(bytes)
        }
        switch value {
        case .uint32(let number): return Self.number(UInt32(4)) + Self.number(number)
        case .int32(let number): return Self.number(UInt32(5)) + Self.number(number)
        case .uint64(let number): return Self.number(UInt32(10)) + Self.number(number)
        case .float32(let number): return Self.number(UInt32(6)) + Self.number(number.bitPattern)
        case .bool(let flag): return number(UInt32(7)) + [flag ? 1 : 0]
        case .string(let text): return number(UInt32(8)) + Self.text(text)
        case .strings(let texts): return list(8, texts) { text($0) }
        case .integers(let numbers): return list(5, numbers) { number($0) }
        case .raw(let type, let bytes): return number(type) + bytes
        }
    }

    /// The file.
    public var bytes: [UInt8] {
        var file = magic + Self.number(version)
        file += Self.number(tensorCount ?? UInt64(tensors.count))
        file += Self.number(valueCount ?? UInt64(values.count))
        for (key, value) in values { file += Self.text(key) + Self.bytes(value) }
        var data: [UInt8] = []
        func pad(_ bytes: inout [UInt8]) {
            while bytes.count % alignment != 0 { bytes.append(0) }
        }
        for tensor in tensors {
            file += Self.text(tensor.name) + Self.number(UInt32(tensor.extents.count))
            file += tensor.extents.flatMap { Self.number($0) } + Self.number(tensor.type)
            file += Self.number(tensor.offset ?? UInt64(data.count))
            data += tensor.bytes
            pad(&data)
        }
        pad(&file)
        return file + data
    }

    /// Writes the file.
    public func write(to path: FilePath) throws { try FileSystem.writeAtomically(bytes, to: path) }
}
