internal import Files
internal import JSON
public import Numerics
public import SystemPackage

/// Writes safetensors files, tensor by tensor.
public enum SafetensorsWriter {
    /// How 32-bit floats are stored.
    public enum FloatType: String, Sendable, CaseIterable {
        case float32
        case bfloat16

        var elementType: SafetensorsFile.ElementType { self == .float32 ? .float32 : .bfloat16 }
        /// What Hugging Face calls it in `torch_dtype`.
        var torchName: String { rawValue }
        var size: Int { elementType.size }
    }

    /// A tensor to be written.
    public struct Tensor: Sendable {
        public let name: String
        public let shape: [Int]
        private let make: @Sendable () -> Matrix

        var count: Int { shape.reduce(1, *) }

        /// - Parameter values: as many elements as `shape` says, in rows.
        public init(name: String, shape: [Int], values: Matrix) {
            self.init(name: name, shape: shape) { values }
        }

        /// A tensor whose elements are made when they are written, so that only one of many is in memory.
        public init(name: String, shape: [Int], making values: @escaping @Sendable () -> Matrix) {
            self.name = name
            self.shape = shape
            make = values
        }

        var values: Matrix {
            let values = make()
            precondition(count == values.rows * values.columns, "\(name): \(shape) isn't its size")
            return values
        }
    }

    /// Writes `tensors` in order; the file appears whole or not at all.
    /// - Throws: `FileError`.
    public static func write(
        _ tensors: [Tensor], type: FloatType = .float32, metadata: [String: String] = ["format": "pt"],
        to path: FilePath
    ) throws {
        var header = JSONObject()
        header["__metadata__"] = .object(
            JSONObject(metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        var offset = 0
        for tensor in tensors {
            let bytes = tensor.count * type.size
            header[tensor.name] = [
                "dtype": .string(type.elementType.rawValue),
                "shape": .array(tensor.shape.map { .integer($0) }),
                "data_offsets": [.integer(offset), .integer(offset + bytes)],
            ]
            offset += bytes
        }
        var bytes = try JSONValue.object(header).compactBytes()
        while bytes.count % 8 != 0 { bytes.append(UInt8(ascii: " ")) }
        let length = withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { Array($0) }
        try FileSystem.writeAtomically(to: path) { sink in
            try sink.append(length)
            try sink.append(bytes)
            for tensor in tensors { try append(tensor.values, type, to: sink) }
        }
    }

    private static func append(_ matrix: Matrix, _ type: FloatType, to sink: borrowing FileSink) throws {
        var rounded = [UInt16](repeating: 0, count: type == .bfloat16 ? matrix.columns : 0)
        if type == .float32 && matrix.stride == matrix.columns {
            try sink.append(
                UnsafeRawBufferPointer(start: matrix.pointer, count: matrix.rows * matrix.columns * 4))
            return
        }
        for r in 0..<matrix.rows {
            switch type {
            case .float32: try sink.append(UnsafeRawBufferPointer(matrix.row(r)))
            case .bfloat16:
                rounded.withUnsafeMutableBufferPointer { out in
                    if let base = out.baseAddress { BFloat16.round(matrix.row(r), into: base) }
                }
                try rounded.withUnsafeBytes { try sink.append($0) }
            }
        }
    }
}
