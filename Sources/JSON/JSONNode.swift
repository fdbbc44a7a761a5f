/// A JSON value and the bytes of the document that it was read from.
public struct JSONNode: Sendable {
    /// The six kinds of JSON values.
    public enum Value: Sendable {
        case null
        case bool(Bool)
        case number(JSONNumber)
        case string(String)
        case array([JSONNode])
        case object([JSONMember])
    }

    /// What was read.
    public let value: Value
    /// Where it stands: byte offsets into the document.
    public let range: Range<Int>

    /// Joins a value with the place that it came from.
    public init(value: Value, range: Range<Int>) {
        self.value = value
        self.range = range
    }

    /// The member `key` of an object, compared by bytes; nil when there is none or this is no object.
    public subscript(key: String) -> JSONNode? {
        guard case .object(let members) = value else { return nil }
        return members.first { $0.key.hasSameBytes(as: key) }?.value
    }

    /// The text, if this is a string.
    public var string: String? { if case .string(let string) = value { string } else { nil } }
    /// The number, if this is one that is whole and fits in `Int`.
    public var int: Int? { if case .number(let number) = value { number.int } else { nil } }
    /// The nearest finite double, if this is a number that has one.
    public var double: Double? { if case .number(let number) = value { number.double } else { nil } }
    /// The truth value, if this is `true` or `false`.
    public var bool: Bool? { if case .bool(let bool) = value { bool } else { nil } }
    /// The elements, if this is an array.
    public var array: [JSONNode]? { if case .array(let array) = value { array } else { nil } }
    /// The members in file order, if this is an object.
    public var members: [JSONMember]? { if case .object(let members) = value { members } else { nil } }
    /// Whether this is `null`.
    public var isNull: Bool { if case .null = value { true } else { false } }

    /// What messages call this kind of value: "a string", "an object".
    public var kindName: String {
        switch value {
        case .null: "null"
        case .bool: "a truth value"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// One `"key": value` of an object.
public struct JSONMember: Sendable {
    /// The key, with escapes resolved.
    public let key: String
    /// Where the key stands, its quotes included.
    public let keyRange: Range<Int>
    /// What it is set to.
    public let value: JSONNode

    /// Joins a key with its value.
    public init(key: String, keyRange: Range<Int>, value: JSONNode) {
        self.key = key
        self.keyRange = keyRange
        self.value = value
    }
}

/// A number as it was written; nothing is rounded before someone asks for a type.
public struct JSONNumber: Sendable, Hashable {
    /// The characters of the file, for example `1e-5`.
    public let text: String

    init(text: String) { self.text = text }

    /// The exact value, if it is written without fraction or exponent and fits in `Int`.
    ///
    /// `1.0` and `1e3` count as whole too, as they do in every JSON library that has one number type.
    public var int: Int? {
        if let exact = Int(text) { return exact }
        guard text.utf8.contains(where: { $0 == UInt8(ascii: ".") || $0 | 0x20 == UInt8(ascii: "e") })
        else { return nil }
        // Beyond 2^53 a double no longer tells neighbours apart, so such a spelling isn't taken for an integer.
        guard let double, abs(double) <= 9_007_199_254_740_992 else { return nil }
        return Int(exactly: double)
    }

    /// The nearest double; nil when that is infinite.
    public var double: Double? {
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }
}
