internal import Files
internal import Recipes
package import SystemPackage

extension Site {
    /// Reads a site file.
    ///
    /// - Throws: `ConfigurationError` with every problem found; `FileError` when the file can't be read.
    package static func read(_ path: FilePath) throws -> Site {
        try SettingsFile.read(path, subject: "the site file") { Site($0) }
    }

    /// Reads the site file of this user.
    ///
    /// It is the one that is named, else that of the environment variable `D3LLM_SITE`, else
    /// `~/.config/d3llm/site.json` (or in `XDG_CONFIG_HOME`) if that is there; else nothing is set.
    /// - Parameters:
    ///   - named: The file that the command line names.
    ///   - variables: Gives the value of a variable of the environment.
    /// - Throws: `ConfigurationError` with every problem found; `FileError` when a file that was named can't be read.
    package static func find(named: String?, variables: (String) -> String?) throws -> (
        site: Site, path: FilePath?
    ) {
        if let path = named ?? variables("D3LLM_SITE").flatMap({ $0.isEmpty ? nil : $0 }) {
            return (try read(FilePath(path)), FilePath(path))
        }
        let folder =
            variables("XDG_CONFIG_HOME").flatMap { $0.isEmpty ? nil : FilePath($0) }
            ?? variables("HOME").map { FilePath($0).appending(".config") }
        guard let path = folder?.appending("d3llm").appending("site.json"), FileSystem.exists(path) else {
            return (.plain, nil)
        }
        return (try read(path), path)
    }

    /// Nothing asked for beyond the defaults.
    package static var plain: Site { Site(.none) }

    private enum Nothing { case none }

    private init(_: Nothing) {
        resources = Resources()
        (modules, container, environment, options) = ([], [], [], [])
        (program, tasksAtOnce) = (nil, nil)
        (warningSeconds, restarts, mpi) = (120, 20, "pmix")
    }
}
