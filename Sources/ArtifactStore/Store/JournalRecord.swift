public import Base
public import JSON

/// What a journal knows a sample by.
public enum JournalKey: Sendable, Hashable, CustomStringConvertible, ExpressibleByIntegerLiteral,
    ExpressibleByStringLiteral
{
    case integer(Int)
    case string(String)

    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(stringLiteral value: String) { self = .string(value) }

    public var description: String {
        switch self {
        case .integer(let integer): String(integer)
        case .string(let string): "\"\(string)\""
        }
    }

    var value: JSONValue {
        switch self {
        case .integer(let integer): .integer(integer)
        case .string(let string): .string(string)
        }
    }

    init?(_ value: JSONValue?) {
        switch value {
        case .integer(let integer): self = .integer(integer)
        case .string(let string): self = .string(string)
        default: return nil
        }
    }
}

/// The result of one sample.
public struct JournalRecord: Sendable, Hashable {
    /// Which sample.
    public let key: JournalKey
    /// Its result.
    public let value: JSONValue

    /// Joins a sample with its result.
    public init(_ key: JournalKey, _ value: JSONValue) {
        self.key = key
        self.value = value
    }
}

/// A journal that can't be used.
public struct JournalError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .inputOutput }

    public let description: String

    package init(description: String) {
        self.description = description
    }
}
