import Decoding
import Documents
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
                method.options.map { option in
                    [
                        "name": .string(option.key), "legalValues": .string(option.expectation),
                        "default": option.defaultValue ?? .null, "summary": .string(option.summary),
                    ]
                }),
        ]
    }
}
