import ArgumentParser
import Base
import Recipes
import Runs

struct KindsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kinds", abstract: "List the kinds of stages, or the keys of one.")

    @Argument(
        help: "The kind whose keys to list.", completion: .list(D3LLM.registry.kinds.map { $0.name }))
    var kind: String?

    @OptionGroup var output: JSONOption

    func run() throws {
        guard let kind else {
            try output.print(D3LLM.registry.table, D3LLM.registry.value)
            return
        }
        guard let found = D3LLM.registry[kind] else {
            let hint = NearestName.hint(
                for: kind, among: D3LLM.registry.kinds.map { $0.name }, what: "Kinds")
            throw ValidationError("There is no kind \"\(kind)\". \(hint ?? "")")
        }
        try output.print(StageRegistry.table(of: found), StageRegistry.value(of: found))
    }
}
