internal import Files

/// Reads the header of a GGUF file from front to back; nothing that it claims is believed before the bytes are there.
struct GGUFCursor {
    private let map: MappedFile
    private(set) var offset: Int

    init(_ map: MappedFile, at offset: Int = 0) {
        self.map = map
        self.offset = offset
    }

    /// Bytes behind this place.
    var left: Int { map.bytes.count - offset }

    private func truncated(_ subject: String) -> GGUFError {
        GGUFError(
            map.path, subject,
            "ends at byte \(map.bytes.count), inside this; the file is truncated or not a GGUF file")
    }

    /// The next bytes.
    mutating func take(_ count: UInt64, _ subject: String) throws(GGUFError) -> Range<Int> {
        guard count <= UInt64(left) else { throw truncated(subject) }
        defer { offset += Int(count) }
        return offset..<offset + Int(count)
    }

    mutating func integer<T: FixedWidthInteger>(_: T.Type, _ subject: String) throws(GGUFError) -> T {
        let range = try take(UInt64(T.bitWidth / 8), subject)
        return T(littleEndian: map.bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: T.self))
    }

    /// A length and as many bytes of UTF-8.
    mutating func string(_ subject: String, limit: UInt64 = .max) throws(GGUFError) -> String {
        let range = try bytes(subject, limit: limit)
        guard
            let text = String(
                validating: UnsafeRawBufferPointer(rebasing: map.bytes[range]), as: UTF8.self)
        else {
            throw GGUFError(map.path, subject, "is not text in UTF-8; the file is damaged")
        }
        return text
    }

    private mutating func bytes(_ subject: String, limit: UInt64) throws(GGUFError) -> Range<Int> {
        let count = try integer(UInt64.self, subject)
        guard count <= limit else {
            throw GGUFError(map.path, subject, "has \(count) bytes, and at most \(limit) are allowed")
        }
        return try take(count, subject)
    }

    /// A type of value.
    mutating func valueType(_ subject: String) throws(GGUFError) -> GGUFValueType {
        let number = try integer(UInt32.self, subject)
        guard let type = GGUFValueType(rawValue: number) else {
            throw GGUFError(map.path, subject, "has the value type \(number); known are 0 to 12")
        }
        return type
    }

    /// A value; nil for a list of lists, which is passed over.
    mutating func value(_ type: GGUFValueType, _ subject: String) throws(GGUFError) -> GGUFValue? {
        switch type {
        case .uint8: return .unsigned(UInt64(try integer(UInt8.self, subject)))
        case .uint16: return .unsigned(UInt64(try integer(UInt16.self, subject)))
        case .uint32: return .unsigned(UInt64(try integer(UInt32.self, subject)))
        case .uint64: return .unsigned(try integer(UInt64.self, subject))
        case .int8: return .signed(Int64(try integer(Int8.self, subject)))
        case .int16: return .signed(Int64(try integer(Int16.self, subject)))
        case .int32: return .signed(Int64(try integer(Int32.self, subject)))
        case .int64: return .signed(try integer(Int64.self, subject))
        case .float32: return .float(Double(Float(bitPattern: try integer(UInt32.self, subject))))
        case .float64: return .float(Double(bitPattern: try integer(UInt64.self, subject)))
        case .bool:
            let byte = try integer(UInt8.self, subject)
            guard byte <= 1 else {
                throw GGUFError(map.path, subject, "has the byte \(byte) for true or false, which is 0 or 1")
            }
            return .bool(byte == 1)
        case .string: return .string(try string(subject))
        case .array: return try list(subject, depth: 0)
        }
    }

    /// How deep lists may lie in lists.
    private static let mostDepth = 8

    /// Goes over a list; nil for one of lists, which nothing here needs.
    private mutating func list(_ subject: String, depth: Int) throws(GGUFError) -> GGUFValue? {
        let element = try valueType(subject)
        let count = try integer(UInt64.self, subject)
        guard count <= UInt64(left / element.least) else {
            throw GGUFError(
                map.path, subject,
                "claims \(count) elements where \(left) bytes follow; the file is truncated or damaged")
        }
        let start = offset
        switch element {
        case .string: for _ in 0..<count { _ = try bytes(subject, limit: .max) }
        case .array:
            guard depth < Self.mostDepth else {
                throw GGUFError(map.path, subject, "has lists in lists, more than \(Self.mostDepth) deep")
            }
            for _ in 0..<count { _ = try list(subject, depth: depth + 1) }
            return nil
        default: offset += Int(count) * element.least
        }
        return .array(GGUFArray(element: element, count: Int(count), range: start..<offset))
    }
}
