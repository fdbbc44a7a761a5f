import Base
import Cookbook
import Files
import SystemPackage

/// The configuration that a command line names, before it is read.
enum ConfigurationFile {
    /// Files that are looked at for one that was meant.
    private static let limit = 2000
    /// Folders below this one don't hold them.
    private static let depth = 3

    /// - Throws: ``MissingConfigurationError`` where there is no file, with the one that may be meant.
    static func check(_ text: String) throws {
        switch try FileSystem.status(FilePath(text))?.kind {
        case nil:
            throw MissingConfigurationError(
                description: "Could not read \(text): no such file or directory. \(hint(for: text))")
        case .folder?:
            let names = configurations(in: FilePath(text), depth: 0)
            let hint =
                names.count == 1
                ? "Did you mean \(names[0])?"
                : names.isEmpty
                    ? "Name a configuration." : "It has \(names.prefix(8).joined(separator: ", "))."
            throw MissingConfigurationError(
                description: "\(text) is a folder, not the configuration of an experiment. \(hint)")
        default: return
        }
    }

    /// The file, or the recipe, that somebody meant who wrote another name.
    private static func hint(for text: String) -> String {
        let own = FilePath(text).removingLastComponent()
        var files = configurations(in: own.isEmpty ? "." : own, depth: own.isEmpty ? depth : 0)
        files += configurations(in: "configs", depth: depth).filter { !files.contains($0) }
        // An experiment's name is the end of its file's path.
        let ending = text.byteText.hasSuffix(".json") ? text : "\(text).json"
        let called = files.filter { $0 == ending || $0.byteText.hasSuffix("/\(ending)") }
        if called.count == 1 { return "Did you mean \(called[0])?" }
        if called.count > 1 { return "There are \(called.prefix(8).joined(separator: ", "))." }
        if let file = NearestName.nearest(to: text, among: files) { return "Did you mean \(file)?" }
        let name = FilePath(ending).lastComponent?.string ?? ending
        let alike = NearestName.nearest(
            to: name, among: files.compactMap { FilePath($0).lastComponent?.string })
        let places = files.filter { FilePath($0).lastComponent?.string == alike }
        if places.count == 1 { return "Did you mean \(places[0])?" }
        let stem = ending.byteText.dropping(suffix: ".json")?.text ?? ending
        if let recipe = Cookbook.own.find(stem) {
            return "There is a recipe of that name: d3llm init \(recipe.name) makes a folder with it."
        }
        return "Check the spelling, and that the folder exists."
    }

    /// The files *.json in a folder and below it, without stores and hidden folders.
    private static func configurations(in folder: FilePath, depth: Int) -> [String] {
        var found: [String] = []
        var looked = 0
        func visit(_ folder: FilePath, _ depth: Int) {
            for name in (try? FileSystem.list(folder.isEmpty ? "." : folder)) ?? []
            where !name.byteText.hasPrefix(".") && looked < limit {
                looked += 1
                let path = folder.appending(name)
                // A link is another name of a file that is found by its own.
                let kind = (try? FileSystem.status(path, followingLinks: false))??.kind
                if name.byteText.hasSuffix(".json") {
                    if kind == .file { found.append(path.string) }
                } else if depth > 0, !["store", "schema", "published"].contains(name), kind == .folder {
                    visit(path, depth - 1)
                }
            }
        }
        visit(folder == "." ? "" : folder, depth)
        return found
    }
}

/// A configuration that isn't there.
struct MissingConfigurationError: Failure {
    var failureKind: FailureKind { .inputOutput }

    let description: String
}
