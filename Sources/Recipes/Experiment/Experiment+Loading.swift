package import SystemPackage

extension Experiment {
    /// Reads and checks a configuration without running anything.
    ///
    /// - Parameters:
    ///   - path: The file. Comments are allowed.
    ///   - overrides: Arguments of `--set`, applied in order.
    ///   - registry: The kinds that stages may have.
    /// - Throws: `ConfigurationError` with every problem found; `FileError` when the file can't be read.
    package static func load(_ path: FilePath, overrides: [String] = [], registry: StageRegistry) throws
        -> Experiment
    {
        try Configuration(path, overrides: overrides, registry: registry).experiment()
    }

    /// Reads and checks the bytes of a configuration; files that it extends are looked for beside `name`.
    ///
    /// - Throws: `ConfigurationError` with every problem found.
    package static func parse(
        _ bytes: [UInt8], name: String, overrides: [String] = [], registry: StageRegistry
    ) throws(ConfigurationError) -> Experiment {
        try Configuration(parsing: bytes, name: name, overrides: overrides, registry: registry).experiment()
    }
}
