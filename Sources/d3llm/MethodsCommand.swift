import ArgumentParser
import Decoding

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
        let width = method.parameters.map(\.name.count).max() ?? 0
        return "\(method.name): \(method.summary)\n"
            + method.parameters.map { option in
                """

                  \(padded(option.name, width))  \(option.legalValues); default \(text(option.defaultValue))
                  \(padded("", width))  \(option.summary)

                """
            }.joined()
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// As a configuration writes it.
    private static func text(_ value: ParameterValue) -> String {
        switch value {
        case .none: "null"
        case .integer(let integer): "\(integer)"
        case .number(let number): "\(number)"
        case .flag(let flag): "\(flag)"
        case .text(let text): "\"\(text)\""
        }
    }
}
