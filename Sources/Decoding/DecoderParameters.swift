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

extension ParameterValue {
    /// The value in the one form that an option of this kind has it in: numbers as numbers, zero without a sign.
    func normal(as kind: DecoderParameter.Kind) -> ParameterValue {
        switch (kind, self) {
        case (.number, .integer(let value)): .number(Double(value))
        case (.number, .number(let value)) where value == 0: .number(0)
        default: self
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

    /// What an option stands for, whatever a method calls it: how others than the method find it.
    public enum Role: Sendable, Hashable, CaseIterable {
        /// Tokens that a response may have.
        case responseLength
        /// Tokens of a block.
        case blockLength
        /// Whether decoding ends with the end token.
        case earlyStop
        /// The temperature at which tokens are drawn.
        case temperature
        /// The probability that the most probable tokens pass together.
        case topP
    }

    public let name: String
    public let kind: Kind
    /// What the option stands for; nil where nobody but the method needs to know.
    public let role: Role?
    /// Whether recipes hold the option even where it has its default, as those that are recorded do.
    ///
    /// Every other option leaves no trace at its default, so that a method can take on an option without changing the
    /// identity of what was decoded before.
    public let isAlwaysRecorded: Bool
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
    /// What is wrong with the values.
    public private(set) var problems: [DecoderProblem] = []
    /// The options without an effect under the values of others, each with the reason and what would use it.
    private(set) var unused: [String: String] = [:]

    private let values: [String: ParameterValue]

    /// Reads from `values`; with none, every option gets its default.
    public init(_ values: [String: ParameterValue] = [:]) { self.values = values }

    /// A whole number.
    public mutating func integer(
        _ name: String, default value: Int, in range: ClosedRange<Int>, _ summary: String,
        role: DecoderParameter.Role? = nil, isAlwaysRecorded: Bool = false
    ) -> Int {
        optionalInteger(
            name, default: value, in: range, isOptional: false, summary, role, isAlwaysRecorded) ?? value
    }

    /// A whole number or nothing.
    public mutating func integer(
        _ name: String, default value: Int?, in range: ClosedRange<Int>, _ summary: String,
        role: DecoderParameter.Role? = nil, isAlwaysRecorded: Bool = false
    ) -> Int? {
        optionalInteger(
            name, default: value, in: range, isOptional: true, summary, role, isAlwaysRecorded)
    }

    /// A number.
    public mutating func number(
        _ name: String, default value: Double, in range: ClosedRange<Double>, _ summary: String,
        role: DecoderParameter.Role? = nil, isAlwaysRecorded: Bool = false
    ) -> Double {
        optionalNumber(
            name, default: value, in: range, isOptional: false, summary, role, isAlwaysRecorded) ?? value
    }

    /// A number or nothing.
    public mutating func number(
        _ name: String, default value: Double?, in range: ClosedRange<Double>, _ summary: String,
        role: DecoderParameter.Role? = nil, isAlwaysRecorded: Bool = false
    ) -> Double? {
        optionalNumber(
            name, default: value, in: range, isOptional: true, summary, role, isAlwaysRecorded)
    }

    /// A truth value.
    public mutating func flag(
        _ name: String, default value: Bool, _ summary: String, role: DecoderParameter.Role? = nil
    ) -> Bool {
        let parameter = describe(name, .flag, isOptional: false, .flag(value), summary, role)
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
    ///
    /// - Parameter option: The one to point at.
    public mutating func reject(_ problem: String, at option: String? = nil) {
        problems.append(DecoderProblem(option: option, problem))
    }

    /// Says that options have an effect only under a condition; whoever gives them otherwise is told.
    ///
    /// - Parameters:
    ///   - names: The options.
    ///   - isUsed: Whether the condition holds with the values that were read.
    ///   - reason: What keeps them from having an effect: `the rule "scheduled"`.
    ///   - user: What they have an effect with: `the rule "factor"`.
    public mutating func condition(_ names: String..., isUsed: Bool, with reason: String, user: String) {
        guard !isUsed else { return }
        for name in names { unused[name] = "\"\(name)\" has no effect with \(reason); it is for \(user)." }
    }

    /// Throws what was found wrong, unknown names and options without an effect included.
    func finish(_ method: String) throws(DecodingError) {
        var problems = problems
        let known = described.map(\.name)
        for name in known where values[name] != nil {
            if let reason = unused[name] { problems.append(DecoderProblem(option: name, reason)) }
        }
        for name in values.keys.sorted() where !known.contains(name) {
            let hint =
                NearestName.of(name, in: known).map { " Did you mean \"\($0)\"?" }
                ?? " It takes " + known.joined(separator: ", ") + "."
            problems.append(DecoderProblem(option: name, "There is no option \"\(name)\".\(hint)"))
        }
        guard problems.isEmpty else { throw DecodingError(problems, of: method) }
    }

    private mutating func optionalInteger(
        _ name: String, default value: Int?, in range: ClosedRange<Int>, isOptional: Bool, _ summary: String,
        _ role: DecoderParameter.Role?, _ isAlwaysRecorded: Bool
    ) -> Int? {
        let parameter = describe(
            name, .integer(range), isOptional: isOptional, value.map { .integer($0) } ?? .none, summary, role,
            isAlwaysRecorded)
        switch values[name] {
        case nil: return value
        case .some(.none) where isOptional: return nil
        case .integer(let given) where range.contains(given): return given
        case .some(let other): return reject(parameter, other, value)
        }
    }

    private mutating func optionalNumber(
        _ name: String, default value: Double?, in range: ClosedRange<Double>, isOptional: Bool,
        _ summary: String, _ role: DecoderParameter.Role?, _ isAlwaysRecorded: Bool
    ) -> Double? {
        let parameter = describe(
            name, .number(range), isOptional: isOptional, value.map { .number($0) } ?? .none, summary, role,
            isAlwaysRecorded)
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
        _ summary: String, _ role: DecoderParameter.Role? = nil, _ isAlwaysRecorded: Bool = false
    ) -> DecoderParameter {
        let parameter = DecoderParameter(
            name: name, kind: kind, role: role, isAlwaysRecorded: isAlwaysRecorded, isOptional: isOptional,
            defaultValue: value, summary: summary)
        described.append(parameter)
        return parameter
    }

    private mutating func reject<T>(_ parameter: DecoderParameter, _ given: ParameterValue, _ value: T) -> T {
        reject(
            "\"\(parameter.name)\" is \(given.summary) and should be \(parameter.legalValues).",
            at: parameter.name)
        return value
    }
}
