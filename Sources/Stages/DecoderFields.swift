internal import Decoding
internal import JSON
internal import Recipes

/// A decoding method with its options, as configurations write it: `{"method": "multi-block", "threshold": 0.3}`.
///
/// Which options a method takes, and between which limits, is the method's own description.
struct DecoderFields {
    let method: String
    private let values: [String: ParameterValue]

    init(_ fields: Fields) {
        let chosen = fields.alternative(
            "method", of: Self.methods, "Name of the decoding method; `d3llm methods` lists them.")
        method = chosen?.name ?? ""
        values = chosen?.value ?? [:]
        guard chosen != nil else { return }
        do throws(DecodingError) {
            _ = try factory()
        } catch {
            fields.reject("method", error.description)
        }
    }

    /// What makes the decoders; the options were checked when they were read.
    func factory() throws(DecodingError) -> DecoderFactory {
        try DecodingMethod.named(method).factory(values)
    }

    /// The value of a numeric option: as given, or the method's default.
    func number(_ name: String) throws(DecodingError) -> Double? {
        switch try value(name) {
        case .integer(let integer): return Double(integer)
        case .number(let number): return number
        default: return nil
        }
    }

    /// The value of a flag: as given, or the method's default; nil where the method has no such flag.
    func flag(_ name: String) -> Bool? {
        if case .flag(let flag)? = try? value(name) { flag } else { nil }
    }

    /// The value of a choice: as given, or the method's default; nil where the method has no such choice.
    func text(_ name: String) -> String? {
        if case .text(let text)? = try? value(name) { text } else { nil }
    }

    private func value(_ name: String) throws(DecodingError) -> ParameterValue? {
        let parameters = try DecodingMethod.named(method).parameters
        return values[name] ?? parameters.first { $0.name == name }?.defaultValue
    }

    private static let methods = DecodingMethod.all.map { method in
        FieldAlternative(method.name, method.summary) { fields in
            var values: [String: ParameterValue] = [:]
            for parameter in method.parameters { values[parameter.name] = read(parameter, fields) }
            return values
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
