import ArgumentParser
import ArtifactStore
import Audit
import JSON
import Recipes
import Runs

/// `d3llm schema` prints what editors check configurations with.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the JSON Schema of configurations.",
        discussion: """
            It is made from the descriptions that the parser itself goes by, and committed as \
            configs/schema/experiment.json; `make schema` writes that file anew. Configurations name it in "$schema", \
            so that an editor completes keys and marks mistakes.
            """)

    func run() throws {
        try ExitCodes.reporting {
            Output.file(String(decoding: try D3LLM.registry.schema.prettyBytes(), as: UTF8.self))
        }
    }
}
