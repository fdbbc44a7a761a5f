/// A value that a decoder's option is set to, as a configuration or a file gives it.
public enum ParameterValue: Sendable, Hashable {
    case none
    case integer(Int)
    case number(Double)
    case flag(Bool)
    case text(String)

    var summary: String {
        switch self {
        case .none: "null"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .flag(let value): "\(value)"
        case .text(let value): "\"\(value)\""
        }
    }
}

/// One option of a decoding method, described: what a schema or a help page needs of it.
public struct DecoderParameter: Sendable, Hashable {
    /// Which values the option takes.
    public enum Kind: Sendable, Hashable {
        case integer(ClosedRange<Int>)
        case number(ClosedRange<Double>)
        case flag
        case choice([String])
    }

    public let name: String
    public let kind: Kind
    /// Whether the option may be null.
    public let isOptional: Bool
    /// What it is set to when nothing is given.
    public let defaultValue: ParameterValue
    /// One sentence.
    public let summary: String

    /// The legal values in words, for messages.
    public var legalValues: String {
        let values =
            switch kind {
            case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
            case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
            case .flag: "true or false"
            case .choice(let names): "one of " + names.map { "\"\($0)\"" }.joined(separator: ", ")
            }
        return isOptional ? values + ", or null" : values
    }
}

/// Reads a decoder's options and, in the same pass, describes them.
public struct ParameterReader: Sendable {
    /// The options in the order in which they were asked for.
    public private(set) var described: [DecoderParameter] = []
    /// What is wrong with the values, in full sentences.
    public private(set) var problems: [String] = []

    private let values: [String: ParameterValue]

    /// Reads from `values`; with none, every option gets its default.
    public init(_ values: [String: ParameterValue] = [:]) { self.values = values }

    /// A whole number.
    public mutating func integer(
        _ name: String, default value: Int, in range: ClosedRange<Int>, _ summary: String
    ) -> Int {
        optionalInteger(name, default: value, in: range, isOptional: false, summary) ?? value
    }

    /// A whole number or nothing.
    public mutating func integer(
        _ name: String, default value: Int?, in range: ClosedRange<Int>, _ summary: String
    ) -> Int? {
        optionalInteger(name, default: value, in: range, isOptional: true, summary)
    }

    /// A number.
    public mutating func number(
        _ name: String, default value: Double, in range: ClosedRange<Double>, _ summary: String
    ) -> Double {
        optionalNumber(name, default: value, in: range, isOptional: false, summary) ?? value
    }

    /// A number or nothing.
    public mutating func number(
        _ name: String, default value: Double?, in range: ClosedRange<Double>, _ summary: String
    ) -> Double? {
        optionalNumber(name, default: value, in: range, isOptional: true, summary)
    }

    /// A truth value.
    public mutating func flag(_ name: String, default value: Bool, _ summary: String) -> Bool {
        let parameter = describe(name, .flag, isOptional: false, .flag(value), summary)
        switch values[name] {
        case nil: return value
        case .flag(let given): return given
        case .some(let other): return reject(parameter, other, value)
        }
    }

    /// One of an enumeration's raw values.
    public mutating func choice<C: CaseIterable & RawRepresentable<String>>(
        _ name: String, default value: C, _ summary: String
    ) -> C {
        let names = C.allCases.map(\.rawValue)
        let parameter = describe(
            name, .choice(names), isOptional: false, .text(value.rawValue), summary)
        switch values[name] {
        case nil: return value
        case .text(let text):
            if let given = C(rawValue: text) { return given }
            return reject(parameter, .text(text), value)
        case .some(let other): return reject(parameter, other, value)
        }
    }

    /// Notes a problem that concerns several options.
    public mutating func reject(_ problem: String) { problems.append(problem) }

    /// Throws what was found wrong, unknown names included.
    func finish(_ method: String) throws(DecodingError) {
        var problems = problems
        let known = described.map(\.name)
        for name in values.keys.sorted() where !known.contains(name) {
            let hint =
                NearestName.of(name, in: known).map { " Did you mean \"\($0)\"?" }
                ?? " It takes " + known.joined(separator: ", ") + "."
            problems.append("There is no option \"\(name)\".\(hint)")
        }
        guard problems.isEmpty else {
            throw DecodingError(
                .invalidOptions,
                "The options of decoding method \"\(method)\" are wrong. " + problems.joined(separator: " "))
        }
    }

    private mutating func optionalInteger(
        _ name: String, default value: Int?, in range: ClosedRange<Int>, isOptional: Bool, _ summary: String
    ) -> Int? {
        let parameter = describe(
            name, .integer(range), isOptional: isOptional, value.map { .integer($0) } ?? .none, summary)
        switch values[name] {
        case nil: return value
        case .some(.none) where isOptional: return nil
        case .integer(let given) where range.contains(given): return given
        case .some(let other): return reject(parameter, other, value)
        }
    }

    private mutating func optionalNumber(
        _ name: String, default value: Double?, in range: ClosedRange<Double>, isOptional: Bool,
        _ summary: String
    ) -> Double? {
        let parameter = describe(
            name, .number(range), isOptional: isOptional, value.map { .number($0) } ?? .none, summary)
        switch values[name] {
        case nil: return value
        case .some(.none) where isOptional: return nil
        case .number(let given) where range.contains(given): return given
        case .integer(let given) where range.contains(Double(given)): return Double(given)
        case .some(let other): return reject(parameter, other, value)
        }
    }

    private mutating func describe(
        _ name: String, _ kind: DecoderParameter.Kind, isOptional: Bool, _ value: ParameterValue,
        _ summary: String
    ) -> DecoderParameter {
        let parameter = DecoderParameter(
            name: name, kind: kind, isOptional: isOptional, defaultValue: value, summary: summary)
        described.append(parameter)
        return parameter
    }

    private mutating func reject<T>(_ parameter: DecoderParameter, _ given: ParameterValue, _ value: T) -> T {
        problems.append(
            "\"\(parameter.name)\" is \(given.summary) and should be \(parameter.legalValues).")
        return value
    }
}
