internal import Base
internal import Files
package import SystemPackage

/// A folder with a recipe and everything that it needs, to be changed at will.
package struct StarterFolder: Sendable {
    /// One file.
    package struct File: Sendable, Hashable {
        /// In the folder.
        package let path: FilePath
        package let text: String

        package init(path: FilePath, text: String) { (self.path, self.text) = (path, text) }
    }

    package let recipe: Cookbook.Recipe
    /// The configuration first.
    package private(set) var files: [File]

    init(recipe: Cookbook.Recipe, files: [File]) { (self.recipe, self.files) = (recipe, files) }

    /// The configuration, in the folder.
    package var configuration: FilePath { files.first?.path ?? recipe.path }

    /// Adds what editors check configurations with, where their "$schema" says that it is.
    package mutating func add(schema: String) {
        files.append(File(path: "schema/experiment.json", text: schema))
    }

    /// Writes the files into a new folder, or into an empty one.
    ///
    /// - Throws: ``CookbookError`` for a place that isn't empty: nothing is written then; `FileError`.
    package func write(to folder: FilePath) throws {
        if let status = try FileSystem.status(folder) {
            let isEmpty = try status.kind == .folder && FileSystem.list(folder).isEmpty
            guard isEmpty else {
                let what = status.kind == .folder ? "isn't empty" : "is there already and is no folder"
                throw CookbookError(
                    description:
                        "\(folder) \(what); nothing was written. Name another folder: d3llm init \(recipe.name) \(ShellWord.quoted("\(folder)-2"))"
                )
            }
        }
        for file in files {
            let path = folder.pushing(file.path)
            try FileSystem.createDirectory(path.removingLastComponent())
            try FileSystem.writeAtomically(file.text, to: path)
        }
    }
}
