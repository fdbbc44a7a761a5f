package import Base
internal import JSON
internal import SystemPackage

/// The project's own configurations, within the program: what `d3llm recipes` lists and `d3llm init` copies.
///
/// The folder `Files` has a link to each of them, so that the program always holds what stands in `configs`.
package struct Cookbook: Sendable {
    /// One configuration that can be run.
    package struct Recipe: Sendable, Hashable {
        /// Its path in `configs` without the ending, such as "mini/first".
        package let name: String
        /// What it asks or shows, as the file itself says; empty where it says nothing.
        package let description: String
        /// What running it takes on two cores.
        package let cost: String

        /// Its path in `configs`.
        var path: FilePath { FilePath("\(name).json") }
    }

    /// All of them, in the order in which a newcomer may want them.
    package let recipes: [Recipe]
    /// The text of each file by its path in `configs`; those that recipes build on or read included.
    private let texts: [FilePath: String]

    /// The one that a newcomer starts with.
    package static let first = "mini/first"

    /// The names of the recipes that are in the program.
    package static var names: [String] { CookbookFiles.costs.map(\.name) }

    /// What is in the program.
    package static let own = Cookbook(CookbookFiles.all, costs: CookbookFiles.costs)

    /// - Parameters:
    ///   - files: Paths in `configs` and texts.
    ///   - costs: The recipes among them by name, and what they take.
    init(_ files: [(path: String, text: String)], costs: [(name: String, cost: String)]) {
        let texts = Dictionary(
            files.map { (FilePath($0.path), $0.text) }, uniquingKeysWith: { first, _ in first })
        self.texts = texts
        recipes = costs.map { name, cost in
            let root = texts[FilePath("\(name).json")].flatMap(Self.root)
            return Recipe(name: name, description: root?["description"]?.string ?? "", cost: cost)
        }
    }

    /// The recipe of that name, which may lack the folder.
    ///
    /// - Throws: ``CookbookError`` with the nearest name.
    package func recipe(_ name: String) throws(CookbookError) -> Recipe {
        if let recipe = find(name) { return recipe }
        let hint = nearest(to: name).map { "Did you mean \"\($0)\"?" } ?? "`d3llm recipes` lists them."
        throw CookbookError(description: "There is no recipe \"\(name)\". \(hint)")
    }

    /// The recipe of that name; nil where there is none.
    package func find(_ name: String) -> Recipe? {
        recipes.first { $0.name == name } ?? recipes.first { $0.path.lastComponent?.stem == name }
    }

    /// The name that somebody who mistyped it may have meant.
    package func nearest(to name: String) -> String? {
        if let whole = NearestName.nearest(to: name, among: recipes.map(\.name)) { return whole }
        let stems = recipes.compactMap { $0.path.lastComponent?.stem }
        return NearestName.nearest(to: name, among: stems).flatMap { find($0)?.name }
    }

    /// The configuration's own text.
    package func text(of recipe: Recipe) -> String { texts[recipe.path] ?? "" }

    /// The lock file of the project: where inputs from outside come from, and what they are.
    package var lock: String { texts["data.lock"] ?? "" }

    /// Everything that a recipe needs, in a folder of its own.
    package func folder(of recipe: Recipe) -> StarterFolder {
        let paths = closure(of: recipe.path)
        let shared = Self.shared(paths)
        func place(_ path: FilePath) -> FilePath {
            var place = path
            _ = place.removePrefix(shared)
            return place
        }
        var files = paths.map { path in
            StarterFolder.File(
                path: place(path), text: Self.adapted(texts[path] ?? "", at: place(path), shared))
        }
        // What it reads lies beside it, or, where downloads are pinned, above.
        for path in texts.keys.sorted(by: { $0.string < $1.string }) where path.extension != "json" {
            guard files.contains(where: { names($0.text, path) }) else { continue }
            files.append(StarterFolder.File(path: place(path), text: texts[path] ?? ""))
        }
        return StarterFolder(recipe: recipe, files: files)
    }

    /// Whether a configuration reads a file that is none: it names it, or takes inputs that it pins.
    private func names(_ text: String, _ path: FilePath) -> Bool {
        path.extension == "lock"
            ? text.byteText.contains("\"input\"")
            : text.byteText.contains("\"\(path.lastComponent?.string ?? "")\"")
    }

    /// A file and all that it extends, itself first.
    private func closure(of path: FilePath) -> [FilePath] {
        var paths = [path]
        var next = 0
        while next < paths.count {
            let folder = paths[next].removingLastComponent()
            let extended = texts[paths[next]].flatMap(Self.root)?["extends"]
            for name in extended?.array?.compactMap(\.string) ?? [extended?.string].compactMap({ $0 }) {
                let base = folder.pushing(FilePath(name)).lexicallyNormalized()
                if texts[base] != nil, !paths.contains(base) { paths.append(base) }
            }
            next += 1
        }
        return paths
    }

    /// The folder that all of them are in; empty where there is none.
    private static func shared(_ paths: [FilePath]) -> FilePath {
        let folders = Set(paths.map { $0.removingLastComponent() })
        return folders.count == 1 ? folders.first ?? "" : ""
    }

    /// The text with its paths as they are in the folder: the schema's, and those of files beside it.
    private static func adapted(_ text: String, at place: FilePath, _ shared: FilePath) -> String {
        guard !shared.isEmpty else { return text }
        return text.byteText.replacing("\"../schema/", with: "\"schema/")
            .replacing(ByteText("\"configs/\(shared)/"), with: "\"").text
    }

    private static func root(_ text: String) -> JSONNode? {
        try? JSONDocument(parsing: Array(text.utf8), name: "recipe", allowComments: true).root
    }
}

/// A recipe that isn't there, or a folder that it can't be copied to.
package struct CookbookError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    package let description: String

    package init(description: String) { self.description = description }
}
