internal import JSON
internal import Synchronization

/// A value that a template works with.
indirect enum TemplateValue: Sendable {
    /// What a name stands for that nobody set; how it was asked for.
    case undefined(String)
    case null
    case bool(Bool)
    case integer(Int)
    case double(Double)
    case string(String)
    case list([TemplateValue])
    case object([(key: String, value: TemplateValue)])
    case namespace(TemplateNamespace)
    case macro(TemplateMacro)
    /// A function of the language, by its name.
    case function(String)
    /// What `map` and the like give: elements that can be gone through once, and that nobody has counted.
    case stream(TemplateStream)

    init(_ json: JSONValue) {
        switch json {
        case .null: self = .null
        case .bool(let bool): self = .bool(bool)
        case .integer(let integer): self = .integer(integer)
        case .number(let number): self = .double(number)
        case .string(let string): self = .string(string)
        case .array(let array): self = .list(array.map { TemplateValue($0) })
        case .object(let object):
            self = .object(object.members.map { ($0.key, TemplateValue($0.value)) })
        }
    }

    /// Whether a condition holds for it.
    var isTrue: Bool {
        switch self {
        case .undefined, .null: false
        case .bool(let bool): bool
        case .integer(let integer): integer != 0
        case .double(let double): double != 0
        case .string(let string): !string.isEmpty
        case .list(let list): !list.isEmpty
        case .object(let members): !members.isEmpty
        case .namespace, .macro, .function, .stream: true
        }
    }

    /// The number, truth values as 0 and 1.
    var number: Double? {
        switch self {
        case .double(let double): double
        default: integer.map { Double($0) }
        }
    }

    /// The whole number, truth values as 0 and 1.
    var integer: Int? {
        switch self {
        case .bool(let bool): bool ? 1 : 0
        case .integer(let integer): integer
        default: nil
        }
    }

    /// What messages call this kind of value.
    var kindName: String {
        switch self {
        case .undefined(let name): "`\(name)`, which isn't defined"
        case .null: "none"
        case .bool: "a truth value"
        case .integer, .double: "a number"
        case .string: "a string"
        case .list: "a list"
        case .object: "an object"
        case .namespace: "a namespace"
        case .macro(let macro): "the macro `\(macro.name)`"
        case .function(let name): "the function `\(name)`"
        case .stream: "what a filter gives one by one"
        }
    }

    var isNull: Bool {
        if case .null = self { true } else { false }
    }

    var isStream: Bool {
        if case .stream = self { true } else { false }
    }

    /// Elements that can be gone through once.
    static func stream(of elements: [TemplateValue]) -> TemplateValue { .stream(TemplateStream(elements)) }

    /// The member `key` of an object or a namespace.
    func member(_ key: String) -> TemplateValue? {
        switch self {
        case .object(let members): members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
        case .namespace(let namespace): namespace[key]
        default: nil
        }
    }
}

/// What `namespace()` makes: members that can be set from inside a loop.
final class TemplateNamespace: Sendable {
    private let members: Mutex<[String: TemplateValue]>

    init(_ members: [String: TemplateValue]) { self.members = Mutex(members) }

    subscript(name: String) -> TemplateValue? {
        get { members.withLock { $0[name] } }
        set { members.withLock { $0[name] = newValue } }
    }
}

/// Elements that are given once: as a generator of Python, it is empty after that.
final class TemplateStream: Sendable {
    private let elements: Mutex<ArraySlice<TemplateValue>>

    init(_ elements: [TemplateValue]) { self.elements = Mutex(elements[...]) }

    /// All that are left; then none is.
    func take() -> [TemplateValue] {
        elements.withLock { left in
            defer { left = [] }
            return Array(left)
        }
    }

    /// The next one.
    func next() -> TemplateValue? { elements.withLock { $0.popFirst() } }
}
