internal import Base
package import Decoding
package import JSON

/// A decoding method with its options, as the command line and web requests give them.
///
/// Which options there are, and between which limits, is the method's own description: the one that configurations
/// are checked by.
package struct DecoderSetting: Sendable {
    package let method: DecodingMethod
    /// The options that were given or that suit the model; the others have the method's defaults.
    package let values: [String: ParameterValue]
    /// The method with these options.
    package let setup: DecoderSetup
    /// Makes the decoder of a sequence.
    package var factory: DecoderFactory { setup.make }

    /// Reads options.
    ///
    /// - Parameters:
    ///   - method: name of a method; nil for the one that suits the model.
    ///   - values: options by name.
    ///   - inherited: options that hold where `values` leaves them open and lets them have an effect.
    ///   - model: whose usual lengths stand in for those that aren't given.
    /// - Throws: `DecodingError` that names the nearest method or option, and the legal values; also for a method that
    ///   the model lacks the mask token for.
    package init(
        method: String?, values: [String: ParameterValue], inherited: [String: ParameterValue] = [:],
        for model: LiveModel
    ) throws(DecodingError) {
        let found = try Self.method(method, for: model)
        guard model.hasMaskToken || !found.needsMask else {
            let other = DecodingMethod.usual(isCausal: true).name
            throw DecodingError(
                .invalidOptions,
                "The decoding method \"\(found.name)\" unmasks tokens, but \(model.name) has no mask token. Use the"
                    + " method \"\(other)\".")
        }
        var all = values.merging(inherited) { given, _ in given }
        for (role, value) in Self.usualValues(model) {
            guard let name = found.parameter(role)?.name, all[name] == nil else { continue }
            all[name] = value
        }
        for name in found.unused(all) where values[name] == nil { all[name] = nil }
        self.method = found
        self.values = all
        setup = try found.setup(all)
    }

    /// Reads options written as `name=value`.
    ///
    /// - Throws: ``SessionError`` for what has no "="; `DecodingError` as above.
    package init(method: String?, settings: [String], for model: LiveModel) throws {
        let found = try Self.method(method, for: model)
        var values: [String: ParameterValue] = [:]
        for setting in settings {
            guard let (key, value) = setting.byteText.cut(at: "="), !key.isEmpty else {
                throw SessionError(
                    .invalidSetting,
                    "\"\(setting)\" sets nothing. Write name=value, such as threshold=0.25; "
                        + "`d3llm methods \(found.name)` lists the names.")
            }
            let (name, text) = (key.text, value.text)
            let parameter = found.parameters.first { $0.name == name }
            values[name] = parameter.map { ParameterValue(parsing: text, as: $0) } ?? .text(text)
        }
        try self.init(method: method, values: values, for: model)
    }

    /// The value of an option: as given, or the method's default; nil where the method has no such option.
    package func value(_ name: String) -> ParameterValue? {
        values[name] ?? method.parameters.first { $0.name == name }?.defaultValue
    }

    /// The value of an option that is a whole number.
    package func integer(_ name: String) -> Int? {
        if case .integer(let value)? = value(name) { value } else { nil }
    }

    /// What was chosen, for people: `multi-block, threshold 0.3`.
    package var summary: String {
        let options = method.parameters.compactMap { parameter in
            values[parameter.name].map { "\(parameter.name) \($0.plainText)" }
        }
        return ([method.name] + options).joined(separator: ", ")
    }

    private static func method(
        _ name: String?, for model: LiveModel
    ) throws(DecodingError) -> DecodingMethod {
        guard let name else { return .usual(isCausal: model.isAutoregressive) }
        return try DecodingMethod.named(name)
    }

    /// Lengths that the models trained here are decoded with in the experiments.
    private static func usualValues(_ model: LiveModel) -> [DecoderParameter.Role: ParameterValue] {
        guard model.manner == .wordProblems else { return [:] }
        return [.responseLength: .integer(48), .blockLength: .integer(8), .earlyStop: .flag(true)]
    }
}

extension ParameterValue {
    /// Reads what a person typed for an option; what doesn't fit stays text, which the option refuses by name.
    package init(parsing text: String, as parameter: DecoderParameter) {
        let value: ParameterValue? =
            switch parameter.kind {
            case .integer: Int(text).map { .integer($0) }
            case .number: Double(text).map { .number($0) }
            case .flag: ["true": .flag(true), "false": .flag(false)][text]
            case .choice: .text(text)
            }
        self = text == "null" && parameter.isOptional ? .none : value ?? .text(text)
    }

    /// The value of an option as a request gives it; nil for what no option takes.
    package init?(_ value: JSONValue) {
        switch value {
        case .null: self = .none
        case .bool(let flag): self = .flag(flag)
        case .integer(let integer): self = .integer(integer)
        case .number(let number): self = .number(number)
        case .string(let text): self = .text(text)
        default: return nil
        }
    }

    /// For people.
    var plainText: String {
        switch self {
        case .none: "null"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .flag(let value): "\(value)"
        case .text(let value): value
        }
    }

    /// As requests and events write it.
    package var json: JSONValue {
        switch self {
        case .none: .null
        case .integer(let value): .integer(value)
        case .number(let value): .number(value)
        case .flag(let value): .bool(value)
        case .text(let value): .string(value)
        }
    }
}
