internal import ArtifactStore
internal import Audit
internal import Base
internal import Files
internal import JSON
internal import Recipes
internal import SystemPackage

/// The run that a report is about: its artifacts by type, and how things of it are named.
struct ReportSource {
    let contents: RunContents

    var run: RunRecord { contents.location.record }

    /// The stages with an artifact of this type, in the order of the run.
    func items(_ type: ArtifactType) -> [RunContents.Item] {
        contents.items.filter { $0.artifact.map { type.isCalled($0.record.type) } ?? false }
    }

    /// Where an artifact is, relative to the store.
    func place(_ item: RunContents.Item) -> String {
        guard var folder = item.artifact?.folder, folder.removePrefix(contents.location.store.root) else {
            return item.entry.artifact.string
        }
        return folder.string
    }

    /// What makes a stage again, as a shell command.
    func command(_ item: RunContents.Item) -> String {
        "d3llm run \(configuration) --only \(ShellWord.quoted(item.entry.stage))"
    }

    /// The configuration with its changes, as arguments.
    var configuration: String {
        guard let config = run.config else {
            // Records of format 1 don't say more than the command line did.
            let given = run.arguments.drop { $0 != "run" }.dropFirst()
            let file = given.first { !$0.byteText.hasPrefix("-") } ?? "CONFIGURATION"
            let sets = zip(given, given.dropFirst()).filter { $0.0 == "--set" }.map(\.1)
            return ShellWord.quoted(FilePath(file).lastComponent?.string == file ? file : Self.relative(file))
                + sets.map { " --set \(ShellWord.quoted($0))" }.joined()
        }
        return ShellWord.quoted(config.file)
            + config.overrides.map { " --set \(ShellWord.quoted($0))" }.joined()
    }

    /// A path without the folders of the machine.
    private static func relative(_ path: String) -> String {
        path.byteText.hasPrefix("/") ? "…/\(FilePath(path).lastComponent?.string ?? "")" : path
    }

    /// The seeds of the artifacts, rising: of what models and data were made with.
    var seeds: [Int] {
        let models = items(.model) + items(.dataset)
        return Set(models.compactMap { $0.artifact?.record.recipe["seed"]?.int }).sorted()
    }

    /// Parameters of the largest model that was trained from scratch; nil where none says it.
    var parameters: Int? { items(.model).compactMap { $0.artifact?.record.metrics["parameters"]?.int }.max() }
}
