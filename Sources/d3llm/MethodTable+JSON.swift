import Decoding
import JSON

extension MethodTable {
    /// For programs, all methods: name and summary.
    static var allValue: JSONValue {
        [
            "methods": .array(
                DecodingMethod.all.map { ["name": .string($0.name), "summary": .string($0.summary)] })
        ]
    }

    /// For programs, the options of a method with legal values, default and meaning.
    static func value(of method: DecodingMethod) -> JSONValue {
        [
            "name": .string(method.name), "summary": .string(method.summary),
            "options": .array(
                method.parameters.map { option in
                    [
                        "name": .string(option.name), "legalValues": .string(option.legalValues),
                        "default": value(option.defaultValue), "summary": .string(option.summary),
                    ]
                }),
        ]
    }

    private static func value(_ value: ParameterValue) -> JSONValue {
        switch value {
        case .none: .null
        case .integer(let integer): .integer(integer)
        case .number(let number): .number(number)
        case .flag(let flag): .bool(flag)
        case .text(let text): .string(text)
        }
    }
}
