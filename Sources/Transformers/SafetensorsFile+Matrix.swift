internal import Files
public import Numerics

extension SafetensorsFile {
    /// A tensor as a `rows` × `columns` matrix of 32-bit floats.
    ///
    /// `F32` data is used where it lies in the mapped file; `BF16` and `F16` are widened into memory, `F64` is rounded.
    /// - Throws: ``CheckpointError`` when the tensor is missing or has another shape or type.
    public func matrix(_ name: String, shape: [Int], rows: Int, columns: Int) throws(CheckpointError)
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
