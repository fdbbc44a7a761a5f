internal import Decoding
internal import JSON
internal import Recipes

/// A decoding method with its options, as configurations write it: `{"method": "multi-block", "threshold": 0.3}`.
///
/// Which options a method takes, and between which limits, is the method's own description.
struct DecoderFields {
    /// Nil only while nothing but the description of the keys is wanted.
    let method: DecodingMethod?
    private let values: [String: ParameterValue]

    init(_ fields: Fields) {
        let chosen = fields.alternative(
            "method", of: Self.alternatives, "Name of the decoding method; `d3llm methods` lists them.")
        self.init(chosen?.value.method, chosen?.value.values ?? [:])
        guard chosen != nil else { return }
        do throws(DecodingError) {
            _ = try setup()
        } catch {
            for problem in error.problems { fields.reject(problem.option ?? "method", problem.text) }
        }
    }

    init(_ method: DecodingMethod?, _ values: [String: ParameterValue]) {
        self.method = method
        self.values = values
    }

    /// The method with its options; they were checked when they were read.
    func setup() throws(DecodingError) -> DecoderSetup {
        guard let method else { throw DecodingError(.unknownMethod, "There is no decoding method.") }
        return try method.setup(values)
    }

    private static let alternatives = DecodingMethod.all.map { method in
        FieldAlternative(method.name, method.summary) { fields in
            var values: [String: ParameterValue] = [:]
            for parameter in method.parameters { values[parameter.name] = read(parameter, fields) }
            let recorded = method.recorded(values)
            for parameter in method.parameters {
                fields.record(recorded[parameter.name].map { JSONValue($0) }, of: parameter.name)
            }
            return (method: method, values: values)
        }
    }

    /// The value of an option; nil where it isn't given.
    ///
    /// Null is a value of its own for some options ("accept all"), not the absence of one.
    private static func read(_ parameter: DecoderParameter, _ fields: Fields) -> ParameterValue? {
        let type: FieldType =
            switch parameter.kind {
            case .integer(let range): .integer(range.bounds)
            case .number(let range): .number(range.bounds)
            case .flag: .flag
            case .choice(let names): .choice(names)
            }
        let given = fields.option(
            parameter.name, type, implied: JSONValue(parameter.defaultValue),
            acceptsNull: parameter.isOptional,
            parameter.summary)
        return given.flatMap { ParameterValue($0, as: parameter.kind) }
    }
}

extension JSONValue {
    /// The value of an option as configurations write it.
    init(_ value: ParameterValue) {
        switch value {
        case .none: self = .null
        case .integer(let integer): self = .integer(integer)
        case .number(let number): self = .number(number)
        case .flag(let flag): self = .bool(flag)
        case .text(let text): self = .string(text)
        }
    }
}

extension ParameterValue {
    fileprivate init?(_ value: JSONValue, as kind: DecoderParameter.Kind) {
        switch (kind, value) {
        case (_, .null): self = .none
        case (.integer, .integer(let integer)): self = .integer(integer)
        case (.number, .number(let number)): self = .number(number)
        case (.flag, .bool(let flag)): self = .flag(flag)
        case (.choice, .string(let text)): self = .text(text)
        default: return nil
        }
    }
}
