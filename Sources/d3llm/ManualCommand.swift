import ArgumentParser
import ArtifactStore
import JSON

/// `d3llm manual` prints the man page; `make man` puts it beside the build.
struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Print the manual page in roff, as man reads it.",
        shouldDisplay: false)

    func run() throws {
        try ExitCodes.reporting {
            let help = Array(D3LLM._dumpHelp().utf8)
            let root = JSONValue(try JSONDocument(parsing: help, name: "help").root)
            print(ManualPage(root["command"] ?? .null, version: Version.current).text, terminator: "")
        }
    }
}
