/// A JSON value to be written, or kept without positions.
public indirect enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// The same value without its position.
    ///
    /// A number becomes `.integer` if it is written as one that fits, else `.number`.
    public init(_ node: JSONNode) {
        switch node.value {
        case .null: self = .null
        case .bool(let bool): self = .bool(bool)
        case .number(let number):
            // A number beyond the range of Double becomes infinite here, and writing it is refused.
            self = Int(number.text).map(Self.integer) ?? .number(Double(number.text) ?? .nan)
        case .string(let string): self = .string(string)
        case .array(let array): self = .array(array.map(JSONValue.init))
        case .object(let members):
            self = .object(JSONObject(unique: members.map { .init(key: $0.key, value: JSONValue($0.value)) }))
        }
    }

    /// The member `key` of an object; nil when there is none or this is no object.
    public subscript(key: String) -> JSONValue? { object?[key] }

    /// The text, if this is a string.
    public var string: String? { if case .string(let string) = self { string } else { nil } }
    /// The truth value, if this is one.
    public var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    /// The whole number, if this is one.
    public var int: Int? {
        switch self {
        case .integer(let integer): integer
        case .number(let number): Int(exactly: number)
        default: nil
        }
    }
    /// The number, if this is one.
    public var double: Double? {
        switch self {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        default: nil
        }
    }
    /// The elements, if this is an array.
    public var array: [JSONValue]? { if case .array(let array) = self { array } else { nil } }
    /// The members, if this is an object.
    public var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
}

/// The members of an object in the order in which they were set; two are equal when their order is too.
///
/// Keys are told apart by their UTF-8 bytes.
public struct JSONObject: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    /// One key and its value.
    public struct Member: Sendable, Hashable {
        public let key: String
        public var value: JSONValue

        public init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }

        public static func == (a: Member, b: Member) -> Bool {
            a.key.hasSameBytes(as: b.key) && a.value == b.value
        }

        public func hash(into hasher: inout Hasher) {
            hasher.combine(ExactString(key))
            hasher.combine(value)
        }
    }

    /// The members; no key occurs twice.
    public private(set) var members: [Member] = []

    /// No members.
    public init() {}

    /// Members in the order given; a later value for a key replaces an earlier one.
    public init(_ pairs: some Sequence<(String, JSONValue)>) {
        var places: [ExactString: Int] = [:]
        for (key, value) in pairs {
            if let place = places[ExactString(key)] {
                members[place].value = value
            } else {
                places[ExactString(key)] = members.count
                members.append(Member(key: key, value: value))
            }
        }
    }

    init(unique members: [Member]) { self.members = members }

    public init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }

    /// The keys, in order.
    public var keys: [String] { members.map(\.key) }

    /// The value of `key`.
    ///
    /// Setting keeps the place of a key that is there, setting nil removes it.
    public subscript(key: String) -> JSONValue? {
        get { members.first { $0.key.hasSameBytes(as: key) }?.value }
        set {
            let index = members.firstIndex { $0.key.hasSameBytes(as: key) }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(key: key, value: value))
            case (nil, nil): break
            }
        }
    }
}

extension JSONValue {
    /// About how many bytes of memory the value takes.
    package var memory: Int {
        // A box with its header.
        switch self {
        case .null, .bool, .integer, .number: 48
        case .string(let text): 48 + text.heapBytes
        case .array(let elements): elements.reduce(80) { $0 + 8 + $1.memory }
        case .object(let object): 48 + object.memory
        }
    }
}

extension JSONObject {
    /// About how many bytes of memory the members take.
    package var memory: Int { members.reduce(32) { $0 + 24 + $1.key.heapBytes + $1.value.memory } }
}

extension String {
    /// About how many bytes of memory the text takes beside its sixteen.
    var heapBytes: Int { utf8.count > 15 ? 32 + utf8.count : 0 }
}
