package import Files
internal import JSON
package import Numerics
package import SystemPackage

/// A memory-mapped safetensors file: an 8-byte length, a JSON header, then the tensors' bytes.
package struct SafetensorsFile: Sendable {
    /// Element types that the format knows and that are used here.
    package enum ElementType: String, Sendable, CaseIterable {
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
        package var size: Int {
            switch self {
            case .float64, .int64: 8
            case .float32, .int32: 4
            case .bfloat16, .float16, .int16: 2
            case .int8, .uint8, .bool: 1
            }
        }
    }

    /// One entry of the header.
    package struct Entry: Sendable {
        /// `dtype`.
        package let type: ElementType
        /// Extents, the slowest first; none for a single number.
        package let shape: [Int]
        /// Bytes of the tensor, counted from the start of the file.
        package let range: Range<Int>
        /// Elements.
        package var count: Int { shape.reduce(1, *) }
    }

    package let map: MappedFile
    /// Tensors by name.
    package let entries: [String: Entry]
    /// The header's `__metadata__`.
    package let metadata: [String: String]

    /// Maps the file and checks its header: every tensor inside the file, its size as its shape says, and every
    /// byte behind the header in exactly one tensor.
    /// - Throws: ``CheckpointError``, `FileError`.
    package init(_ path: FilePath) throws {
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
    package func bytes(of entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: map.bytes[entry.range])
    }

    /// The elements of an integer tensor (`I64`, `I32`, `I16`, `I8`, `U8`, `BOOL`), row by row.
    /// - Throws: ``CheckpointError`` when the tensor is missing or of another type.
    package func integers(_ name: String) throws(CheckpointError) -> [Int] {
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
    package func entry(named name: String) throws(CheckpointError) -> Entry {
        guard let entry = entries[name] else {
            throw CheckpointError(map.path, tensor: name, "is missing; the file has \(entries.count) tensors")
        }
        return entry
    }
}

extension SafetensorsFile {
    /// One member of the header as an entry, checked against its own shape and the file's size.
    static func entry(
        _ member: JSONMember, dataStart: Int, fileSize: Int, _ path: FilePath
    ) throws(CheckpointError) -> Entry {
        let name = member.key
        guard let typeName = member.value["dtype"]?.string, let shapeNodes = member.value["shape"]?.array,
            let offsets = member.value["data_offsets"]?.array, offsets.count == 2,
            let begin = offsets[0].int, let end = offsets[1].int
        else {
            throw CheckpointError(path, tensor: name, "the header gives no dtype, shape and data_offsets")
        }
        guard let type = ElementType(rawValue: typeName) else {
            let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
            throw CheckpointError(path, tensor: name, "has the element type \(typeName); known are \(known)")
        }
        var bytes = type.size
        var shape: [Int] = []
        for node in shapeNodes {
            guard let extent = node.int, extent >= 0 else {
                throw CheckpointError(path, tensor: name, "has a shape with something that is not a size")
            }
            let product = bytes.multipliedReportingOverflow(by: extent)
            guard !product.overflow else {
                throw CheckpointError(path, tensor: name, "has an impossible shape")
            }
            bytes = product.partialValue
            shape.append(extent)
        }
        let available = fileSize - dataStart
        guard begin >= 0, end >= begin, end <= available else {
            throw CheckpointError(
                path, tensor: name,
                "lies at bytes \(begin)..<\(end) of the data, but the file holds only \(available); it is truncated"
            )
        }
        guard end - begin == bytes else {
            throw CheckpointError(
                path, tensor: name, "has \(end - begin) bytes; \(typeName) \(shape) needs \(bytes)")
        }
        return Entry(type: type, shape: shape, range: dataStart + begin..<dataStart + end)
    }

    /// Refuses tensors that share bytes and bytes that belong to no tensor, as the format's specification does:
    /// a file with either was damaged or made to be read differently by different programs.
    static func checkLayout(
        _ entries: [String: Entry], dataStart: Int, fileSize: Int, _ path: FilePath
    ) throws(CheckpointError) {
        let ordered = entries.sorted {
            ($0.value.range.lowerBound, $0.value.range.upperBound, $0.key)
                < ($1.value.range.lowerBound, $1.value.range.upperBound, $1.key)
        }
        var end = dataStart
        var previous = "the header"
        for (name, entry) in ordered {
            let begin = entry.range.lowerBound
            if begin < end {
                throw CheckpointError(
                    path, tensor: name,
                    "begins at byte \(begin - dataStart) of the data, inside \(previous), which ends at \(end - dataStart); tensors may not overlap"
                )
            }
            if begin > end {
                throw CheckpointError(
                    path, tensor: name,
                    "begins at byte \(begin - dataStart) of the data, but \(previous) ends at \(end - dataStart); bytes between tensors are not allowed"
                )
            }
            end = entry.range.upperBound
            previous = "tensor \(name)"
        }
        guard end == fileSize else {
            throw CheckpointError(
                path, "has \(fileSize - end) bytes behind the last tensor; it should end with \(previous)")
        }
    }

    /// A tensor as a `rows` × `columns` matrix of 32-bit floats.
    ///
    /// `F32` data is used where it lies in the mapped file; `BF16` and `F16` are widened into memory, `F64` is rounded.
    /// - Throws: ``CheckpointError`` when the tensor is missing or has another shape or type.
    package func matrix(_ name: String, shape: [Int], rows: Int, columns: Int) throws(CheckpointError)
        -> Matrix
    {
        let entry = try entry(named: name)
        guard entry.shape == shape else {
            throw CheckpointError(
                map.path, tensor: name, "expected shape \(shape), found \(entry.shape)")
        }
        let raw = bytes(of: entry)
        switch entry.type {
        case .float32:
            if let base = raw.baseAddress, UInt(bitPattern: base) % 4 == 0 {
                return Matrix(
                    owner: map, pointer: base.assumingMemoryBound(to: Float.self), rows: rows,
                    columns: columns, stride: columns)
            }
            return convert(entry) {
                Float(bitPattern: raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self))
            }
            .slice(as: rows, columns)
        case .bfloat16:
            let buffer = FloatBuffer(zeros: entry.count)
            if let base = raw.baseAddress, UInt(bitPattern: base) % 2 == 0 {
                BFloat16.widen(
                    base.assumingMemoryBound(to: UInt16.self),
                    into: UnsafeMutableBufferPointer(start: buffer.pointer, count: entry.count))
            } else {
                for i in 0..<entry.count {
                    let bits = raw.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self)
                    buffer.pointer[i] = Float(bitPattern: UInt32(bits) << 16)
                }
            }
            return buffer.matrix(rows: rows, columns: columns).view
        case .float16:
            return convert(entry) { (i: Int) -> Float in
                Self.widenHalf(raw.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self))
            }.slice(as: rows, columns)
        case .float64:
            return convert(entry) { (i: Int) -> Float in
                Float(Double(bitPattern: raw.loadUnaligned(fromByteOffset: i * 8, as: UInt64.self)))
            }.slice(as: rows, columns)
        default:
            throw CheckpointError(
                map.path, tensor: name, "expected F32, BF16, F16 or F64, found \(entry.type.rawValue)")
        }
    }

    private func convert(_ entry: Entry, _ element: (Int) -> Float) -> FloatBuffer {
        let buffer = FloatBuffer(zeros: entry.count)
        for i in 0..<entry.count { buffer.pointer[i] = element(i) }
        return buffer
    }

    /// IEEE binary16 to binary32.
    static func widenHalf(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 0x1F
        let fraction = UInt32(bits & 0x3FF)
        switch exponent {
        case 0: return Float(sign: sign == 0 ? .plus : .minus, exponent: -24, significand: Float(fraction))
        case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}

extension FloatBuffer {
    fileprivate func slice(as rows: Int, _ columns: Int) -> Matrix {
        matrix(rows: rows, columns: columns).view
    }
}

/// Writes safetensors files, tensor by tensor.
package enum SafetensorsWriter {
    /// How 32-bit floats are stored.
    package enum FloatType: String, Sendable, CaseIterable {
        case float32
        case bfloat16

        var elementType: SafetensorsFile.ElementType { self == .float32 ? .float32 : .bfloat16 }
        /// What Hugging Face calls it in `torch_dtype`.
        var torchName: String { rawValue }
        /// Bytes of an element.
        var size: Int { elementType.size }
    }

    /// A tensor to be written.
    package struct Tensor: Sendable {
        package let name: String
        /// Extents, the slowest first.
        package let shape: [Int]
        private let make: @Sendable () -> Matrix

        var count: Int { shape.reduce(1, *) }

        /// - Parameter values: as many elements as `shape` says, in rows.
        package init(name: String, shape: [Int], values: Matrix) {
            self.init(name: name, shape: shape) { values }
        }

        /// A tensor whose elements are made when they are written, so that only one of many is in memory.
        package init(name: String, shape: [Int], making values: @escaping @Sendable () -> Matrix) {
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
    package static func write(
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
