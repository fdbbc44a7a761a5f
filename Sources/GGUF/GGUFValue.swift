internal import Files

/// One value of a GGUF file's metadata.
public enum GGUFValue: Sendable {
    case unsigned(UInt64)
    case signed(Int64)
    /// 32-bit floats are widened.
    case float(Double)
    case bool(Bool)
    case string(String)
    case array(GGUFArray)

    /// What it is, for messages.
    public var kindName: String {
        switch self {
        case .unsigned, .signed: "a whole number"
        case .float: "a floating-point number"
        case .bool: "true or false"
        case .string: "a text"
        case .array: "a list"
        }
    }
}

/// A list of the metadata, which stays in the file until its elements are asked for.
public struct GGUFArray: Sendable {
    let element: GGUFValueType
    /// Number of elements.
    public let count: Int
    /// Where its elements lie in the file.
    let range: Range<Int>
}

/// Types of values, by their numbers in the format.
enum GGUFValueType: UInt32, Sendable {
    case uint8 = 0
    case int8 = 1
    case uint16 = 2
    case int16 = 3
    case uint32 = 4
    case int32 = 5
    case float32 = 6
    case bool = 7
    case string = 8
    case array = 9
    case uint64 = 10
    case int64 = 11
    case float64 = 12

    /// The fewest bytes that a value takes.
    var least: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64, .string: 8
        case .array: 12
        }
    }

    /// Whether every value takes ``least`` bytes.
    var isFixed: Bool { self != .string && self != .array }
}

extension GGUFFile {
    /// The value under a key; nil where there is none.
    public subscript(key: String) -> GGUFValue? { metadata[key] }

    /// A whole number that isn't negative; nil where there is none.
    /// - Throws: ``GGUFError`` for a value of another type.
    public func integer(_ key: String) throws(GGUFError) -> Int? {
        switch metadata[key] {
        case nil: return nil
        case .unsigned(let value)? where value <= UInt64(Int.max): return Int(value)
        case .signed(let value)? where value >= 0: return Int(value)
        case let other?: throw mismatch(key, other, "a whole number that isn't negative")
        }
    }

    /// A number; nil where there is none.
    /// - Throws: ``GGUFError`` for a value of another type.
    public func number(_ key: String) throws(GGUFError) -> Double? {
        switch metadata[key] {
        case nil: return nil
        case .float(let value)? where value.isFinite: return value
        case .unsigned(let value)?: return Double(value)
        case .signed(let value)?: return Double(value)
        case let other?: throw mismatch(key, other, "a finite number")
        }
    }

    /// A text; nil where there is none.
    /// - Throws: ``GGUFError`` for a value of another type.
    public func string(_ key: String) throws(GGUFError) -> String? {
        switch metadata[key] {
        case nil: return nil
        case .string(let text)?: return text
        case let other?: throw mismatch(key, other, "a text")
        }
    }

    /// True or false; nil where there is nothing.
    /// - Throws: ``GGUFError`` for a value of another type.
    public func flag(_ key: String) throws(GGUFError) -> Bool? {
        switch metadata[key] {
        case nil: return nil
        case .bool(let value)?: return value
        case let other?: throw mismatch(key, other, "true or false")
        }
    }

    /// A list of texts; nil where there is none.
    /// - Throws: ``GGUFError`` for a value of another type and for a text that isn't UTF-8.
    public func strings(_ key: String) throws(GGUFError) -> [String]? {
        guard let value = metadata[key] else { return nil }
        guard case .array(let list) = value, list.element == .string else {
            throw mismatch(key, value, "a list of texts")
        }
        var cursor = GGUFCursor(map, at: list.range.lowerBound)
        var texts: [String] = []
        texts.reserveCapacity(list.count)
        for index in 0..<list.count { texts.append(try cursor.string("key \(key), element \(index)")) }
        return texts
    }

    /// A list of whole numbers; nil where there is none.
    /// - Throws: ``GGUFError`` for a value of another type.
    public func integers(_ key: String) throws(GGUFError) -> [Int]? {
        guard let value = metadata[key] else { return nil }
        guard case .array(let list) = value else { throw mismatch(key, value, "a list of whole numbers") }
        var cursor = GGUFCursor(map, at: list.range.lowerBound)
        var numbers: [Int] = []
        numbers.reserveCapacity(list.count)
        for _ in 0..<list.count {
            switch try cursor.value(list.element, "key \(key)") {
            case .unsigned(let number)? where number <= UInt64(Int.max): numbers.append(Int(number))
            case .signed(let number)?: numbers.append(Int(number))
            default: throw mismatch(key, value, "a list of whole numbers")
            }
        }
        return numbers
    }

    /// The error of a value that isn't what is expected.
    private func mismatch(_ key: String, _ value: GGUFValue, _ expected: String) -> GGUFError {
        var found = value.kindName
        if case .array(let list) = value {
            found = "a list of \(list.count) values of type \(list.element.rawValue)"
        }
        if case .signed(let number) = value { found = "\(number)" }
        if case .float(let number) = value { found = "\(number)" }
        return GGUFError(map.path, "key \(key)", "should be \(expected), not \(found)")
    }
}
