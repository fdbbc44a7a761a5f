import ArgumentParser
import Base

/// What is said of a subcommand that there isn't: the parser takes it for an argument too many.
enum SubcommandHint {
    /// The message for a command line that begins with a word that is no subcommand; nil for all others.
    static func message(_ arguments: [String]) -> String? {
        var command: any ParsableCommand.Type = D3LLM.self
        var path = ["d3llm"]
        for word in arguments {
            let subcommands = command.configuration.subcommands
            guard !subcommands.isEmpty, !word.byteText.hasPrefix("-") else { return nil }
            let isHelp = path.count == 1 && word == "help"
            if isHelp { continue }
            if let next = subcommands.first(where: { $0.configuration.commandName == word }) {
                command = next
                path.append(word)
                continue
            }
            let names = subcommands.compactMap { $0.configuration.commandName }
            let meant = path.count == 1 && word.byteText.hasSuffix(".json") ? "run \(word)" : nil
            let hint =
                (meant ?? NearestName.nearest(to: word, among: names)).map { "Did you mean \"\($0)\"?" }
                ?? (names.count > 8 ? "" : "There are \(names.joined(separator: ", ")).")
            let whole = path.joined(separator: " ")
            return
                "Error: \(whole) has no subcommand \"\(word.visible)\". \(hint)\nUsage: \(whole) <subcommand>\n  See '\(whole) --help' for more information.\n"
        }
        return nil
    }
}
