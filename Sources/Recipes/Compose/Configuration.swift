import Files
package import JSON
package import SystemPackage

/// A configuration put together: its files laid over one another, variables put in, the command line applied.
///
/// The order, later ones winning: the files of `extends` in their order, each after those that it extends itself;
/// the file; `--set`. Objects are joined key by key, lists and all other values are replaced. `null` is a value like
/// any other; `without` leaves inherited keys out. A matrix makes its variants of what results; a key that `--set`
/// gives a value is no longer swept.
package struct Configuration: Sendable {
    /// One text that sets values.
    struct Layer: Sendable {
        /// The path of a file; "--set" for the command line.
        package let name: String
        let removals: [ConfigFile.Removal]
        /// What it sets, variables put in.
        let tree: JSONNode
    }

    /// The kinds that stages may have.
    package let registry: StageRegistry
    /// The files in the order in which they are laid over one another; the main one last.
    let layers: [Layer]
    /// The arguments of `--set` but those that set variables.
    package let overrides: [Override]
    /// The path of the main file and the arguments of `--set`, as given.
    package let given: (file: String, overrides: [String])
    /// What the files alone set.
    let merged: JSONNode
    /// What results, before matrices are expanded.
    package let root: JSONNode
    /// The lock file that hashes of inputs were taken from, or would be.
    package let lock: FilePath?
    /// What is wrong with the parts and with their joining.
    package let problems: [Diagnostic]

    /// Reads a configuration and what it extends; whether its stages are right shows in ``experiment()``.
    ///
    /// - Parameters:
    ///   - path: The file. Comments are allowed.
    ///   - overrides: Arguments of `--set`, applied in order.
    ///   - registry: The kinds that stages may have.
    /// - Throws: `FileError` when the file can't be read.
    package init(_ path: FilePath, overrides: [String] = [], registry: StageRegistry) throws {
        self.init(
            parsing: try FileSystem.read(path, mayBePipe: true), name: path.string, overrides: overrides,
            registry: registry)
    }

    /// Reads the bytes of a configuration.
    ///
    /// - Parameters:
    ///   - name: The path of the file: for messages, and what `extends` is relative to.
    ///   - read: Gives the bytes of the files that are extended; by default those on disk.
    package init(
        parsing bytes: [UInt8], name: String, overrides: [String] = [], registry: StageRegistry,
        read: ((FilePath) throws -> [UInt8])? = nil
    ) {
        self.registry = registry
        given = (name, overrides)
        let files = ConfigFiles(main: bytes, path: FilePath(name), read: read ?? ConfigFiles.readPlainFile)
        var composer = Composer(files: files.files, problems: files.problems, registry: registry)
        // A file that can't be read hides what it would have set; further problems would follow from that only.
        guard files.problems.isEmpty else {
            (layers, self.overrides, problems) = ([], [], files.problems)
            root = .nothing(name)
            merged = root
            lock = nil
            return
        }
        composer.compose(overrides)
        (layers, self.overrides) = (composer.layers, composer.overrides)
        var filler = PinFiller(registry, file: FilePath(name))
        (merged, root) = (composer.merged, filler.filled(composer.root))
        (problems, lock) = (composer.problems + filler.problems, filler.lock)
    }

    /// The files in the order in which they are laid over one another, the main one last.
    package var files: [String] { layers.map(\.name) }

    /// Checks that the parts fit together, whatever the stages ask for.
    ///
    /// - Throws: `ConfigurationError` with every problem of the files and of the command line.
    package func checkComposition() throws(ConfigurationError) {
        guard problems.isEmpty else { throw ConfigurationError(problems) }
    }

    /// Checks all stages and orders them.
    ///
    /// - Throws: `ConfigurationError` with every problem found.
    package func experiment() throws(ConfigurationError) -> Experiment {
        guard !layers.isEmpty else { throw ConfigurationError(problems) }
        var loader = ExperimentLoader(registry: registry, lock: lock)
        let loaded = loader.load(root)
        let problems = problems + loader.problems
        guard var experiment = loaded, problems.isEmpty else { throw ConfigurationError(problems) }
        experiment.source = Experiment.Source(
            file: given.file, overrides: given.overrides, resolved: resolved(withDefaults: false))
        return experiment
    }
}
