public import ArgumentParser
import ArtifactStore
internal import Base
import Recipes
public import Reporting
import SystemPackage

// Types of other modules that options take.

extension StoreLocks: ExpressibleByArgument {}
extension TableFormat: ExpressibleByArgument {}
extension Trust: ExpressibleByArgument {}

/// Names that a shell offers where the command line takes a stage.
enum StageNames {
    /// The stages of the configuration that the command line names; variants once a bracket is typed.
    static let completion = CompletionKind.custom { words, _, prefix in names(words, prefix: prefix) }

    /// - Parameters:
    ///   - words: The command line so far; the configuration is the first word that ends in ".json".
    ///   - prefix: What has been typed of the name.
    static func names(_ words: [String], prefix: String) -> [String] {
        guard let config = words.first(where: { $0.byteText.hasSuffix(".json") }),
            let experiment = try? Configuration(
                FilePath(config), overrides: overrides(words), registry: D3LLM.registry
            ).experiment()
        else { return [] }
        var names: [String] = []
        for stage in experiment.stages {
            let name = prefix.byteText.contains("[") ? stage.id : stage.name
            if name.byteText.hasPrefix(prefix), !names.contains(name) { names.append(name) }
        }
        return names
    }

    private static func overrides(_ words: [String]) -> [String] {
        zip(words, words.dropFirst()).compactMap { flag, argument in
            guard argument.byteText.contains("=") else { return nil }
            return flag == "--set" ? argument : flag == "--group" ? "groups.\(argument)" : nil
        }
    }
}
