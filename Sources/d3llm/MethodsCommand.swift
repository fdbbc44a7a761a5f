import ArgumentParser
import Decoding
import Documents
import JSON
import Recipes

struct MethodsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "methods", abstract: "List the decoding methods, or the options of one.",
        discussion: "They are what \"decoder\" of a stage of kind evaluate takes.")

    @Argument(
        help: "The method whose options to list.", completion: .list(DecodingMethod.all.map(\.name)))
    var method: String?

    @OptionGroup var output: JSONOption

    func run() throws {
        guard let method else {
            try output.print(MethodTable.all, MethodTable.allValue)
            return
        }
        let found: DecodingMethod
        do throws(DecodingError) {
            found = try .named(method)
        } catch {
            throw ValidationError(error.description)
        }
        try output.print(MethodTable.options(of: found), MethodTable.value(of: found))
    }
}

/// Decoding methods as text, from the descriptions that the parser of configurations goes by.
enum MethodTable {
    /// All methods with their summaries, one line each.
    static var all: String {
        let width = DecodingMethod.all.map(\.name.count).max() ?? 0
        return DecodingMethod.all.map { "\(padded($0.name, width))  \($0.summary)\n" }.joined()
    }

    /// The options of a method with legal values, default and meaning.
    static func options(of method: DecodingMethod) -> String {
        let width = method.options.map(\.key.count).max() ?? 0
        return "\(method.name): \(method.summary)\n"
            + method.options.map { option in
                """

                  \(padded(option.key, width))  \(option.expectation); default \((option.defaultValue ?? .null).oneLine)
                  \(padded("", width))  \(option.summary)

                """
            }.joined()
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}

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
