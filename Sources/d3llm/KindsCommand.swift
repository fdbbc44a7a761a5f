import ArgumentParser
import Pipeline

struct KindsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kinds", abstract: "List the kinds of stages, or the keys of one.")

    @Argument(help: "The kind whose keys to list.")
    var kind: String?

    func run() throws {
        guard let kind else {
            print(D3LLM.registry.table, terminator: "")
            return
        }
        guard let found = D3LLM.registry[kind] else {
            let names = D3LLM.registry.kinds.map { $0.name }.joined(separator: ", ")
            throw ValidationError("There is no kind \"\(kind)\". Kinds: \(names).")
        }
        print(StageRegistry.table(of: found), terminator: "")
    }
}
