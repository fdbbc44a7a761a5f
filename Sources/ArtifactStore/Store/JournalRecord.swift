package import Base
package import JSON

/// What a journal knows a sample by.
package enum JournalKey: Sendable, Hashable, CustomStringConvertible, ExpressibleByIntegerLiteral,
    ExpressibleByStringLiteral
{
    case integer(Int)
    case string(String)

    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(stringLiteral value: String) { self = .string(value) }

    package var description: String {
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
package struct JournalRecord: Sendable, Hashable {
    /// Which sample.
    package let key: JournalKey
    /// Its result.
    package let value: JSONValue

    /// Joins a sample with its result.
    package init(_ key: JournalKey, _ value: JSONValue) {
        self.key = key
        self.value = value
    }
}

/// A journal that can't be used.
package struct JournalError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    package let description: String

    package init(description: String) {
        self.description = description
    }
}
