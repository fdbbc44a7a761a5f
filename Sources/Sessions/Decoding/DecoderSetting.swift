internal import Base
package import Decoding
package import Documents
package import JSON
internal import Transformers

/// A decoding method with its options, as the command line and web requests give them.
///
/// Which options there are, and between which limits, is the method's own description: the one that configurations
/// are checked by.
package struct DecoderSetting: Sendable {
    package let method: DecodingMethod
    /// The options that were given or that suit the model; the others have the method's defaults.
    package let values: [String: JSONValue]
    /// What was measured to be a good setting of the model, where this one follows it.
    package let chosen: ChosenSetting?
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
    ///   - chosen: a setting that stands in for the method that suits the model where none is named, and whose options
    ///     hold like `inherited` for its own method.
    ///   - model: whose usual lengths stand in for those that aren't given.
    /// - Throws: `DecodingError` that names the nearest method or option, and the legal values; also for a method that
    ///   the model lacks the mask token for.
    package init(
        method: String?, values: [String: JSONValue], inherited: [String: JSONValue] = [:],
        chosen: ChosenSetting? = nil, for model: LiveModel
    ) throws(DecodingError) {
        let found = try Self.method(method ?? chosen?.method, for: model)
        try Self.check(found, model.name, hasMask: model.hasMaskToken)
        try found.check(model.name, attends: model.attention)
        self.chosen = chosen?.method == found.name ? chosen : nil
        var all = values.merging(inherited) { given, _ in given }
        all.merge(self.chosen?.values ?? [:]) { given, _ in given }
        // What a measured setting leaves open was at the method's default.
        for (meaning, value) in self.chosen == nil ? Self.usualValues(model) : [:] {
            guard let name = found.option(meaning)?.key, all[name] == nil else { continue }
            all[name] = value
        }
        for name in found.unused(all) where values[name] == nil { all[name] = nil }
        self.method = found
        self.values = all
        setup = try found.setup(all)
        guard !setup.needsVerifier else {
            throw DecodingError(
                .invalidOptions,
                "The decoding method \"\(found.name)\" needs a second model with these options, which the stage evaluate of a configuration can name (key \"verifier\") and nothing else. `d3llm methods \(found.name)` lists the options."
            )
        }
    }

    /// Reads options written as `name=value`.
    ///
    /// - Throws: ``SessionError`` for what has no "="; `DecodingError` as above.
    package init(
        method: String?, settings: [String], chosen: ChosenSetting? = nil, for model: LiveModel
    ) throws {
        let found = try Self.method(method ?? chosen?.method, for: model)
        var values: [String: JSONValue] = [:]
        for setting in settings {
            guard let (key, value) = setting.byteText.cut(at: "="), !key.isEmpty else {
                throw SessionError(
                    .invalidSetting,
                    "\"\(setting)\" sets nothing. Write name=value, such as threshold=0.25; "
                        + "`d3llm methods \(found.name)` lists the names.")
            }
            let (name, text) = (key.text, value.text)
            let option = found.options.first { $0.key == name }
            values[name] = option?.value(parsing: text) ?? .string(text)
        }
        try self.init(method: method, values: values, chosen: chosen, for: model)
    }

    /// The value of an option: as given, or the method's default; nil where the method has no such option.
    package func value(_ name: String) -> JSONValue? {
        values[name] ?? method.options.first { $0.key == name }?.defaultValue
    }

    /// The value of an option that is a whole number.
    package func integer(_ name: String) -> Int? {
        value(name)?.int
    }

    /// What was chosen, for people: `multi-block, threshold 0.3`.
    package var summary: String {
        let options = method.options.compactMap { option in
            values[option.key].map { "\(option.key) \(Self.plainText($0))" }
        }
        return ([method.name] + options).joined(separator: ", ")
    }

    /// Where the setting is from, on one line, with what differs from there; nil where nothing was measured.
    package var remark: String? {
        guard let chosen else { return nil }
        let changed = method.options.compactMap { option -> String? in
            guard let value = values[option.key] else { return nil }
            let measured = chosen.values[option.key] ?? option.defaultValue
            let isSame = value == measured || value.double != nil && value.double == measured?.double
            guard !isSame else { return nil }
            return "\(option.key) \(Self.plainText(value))"
        }
        return chosen.sentence + (changed.isEmpty ? "" : "; changed: \(changed.joined(separator: ", "))")
    }

    /// Refuses a method that needs a mask token for a model that has none, as `d3llm run` does.
    static func check(_ method: DecodingMethod, _ model: String, hasMask: Bool) throws(DecodingError) {
        guard method.needsMask, !hasMask else { return }
        throw DecodingError(
            .invalidOptions,
            DecodingMethod.withoutMask(model, neededBy: "the decoding method \"\(method.name)\""))
    }

    private static func method(
        _ name: String?, for model: LiveModel
    ) throws(DecodingError) -> DecodingMethod {
        guard let name else { return .usual(model.attention) }
        return try DecodingMethod.named(name)
    }

    /// Lengths that the models trained here are decoded with in the experiments.
    private static func usualValues(_ model: LiveModel) -> [FieldMeaning: JSONValue] {
        var values: [FieldMeaning: JSONValue] = [:]
        if case .blockCausal(_, let length) = model.attention {
            values[.blockLength] = .integer(length)
        }
        guard model.manner == .wordProblems else { return values }
        return [.responseLength: .integer(48), .blockLength: .integer(8), .earlyStop: .bool(true)]
    }

    private static func plainText(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .number(let number): "\(number)"
        default: (try? value.compactBytes()).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
    }
}

/// A method with options that somebody measured with a model and found good, such as an experiment's operating point.
package struct ChosenSetting: Sendable {
    package let method: String
    /// The options that aren't at the method's defaults.
    package let values: [String: JSONValue]
    /// Where it is from, for people, without a full stop.
    package let sentence: String

    package init(method: String, values: [String: JSONValue], sentence: String) {
        (self.method, self.values, self.sentence) = (method, values, sentence)
    }
}

extension FieldDescription {
    /// Reads what a person typed for an option; what doesn't fit stays text, which the option refuses by name.
    package func value(parsing text: String) -> JSONValue {
        let value: JSONValue? =
            switch type {
            case .integer: Int(text).map { .integer($0) }
            case .number: Double(text).flatMap { $0.isFinite ? .number($0) : nil }
            case .flag: ["true": true, "false": false][text]
            default: nil
            }
        return text == "null" && acceptsNull ? .null : value ?? .string(text)
    }
}
