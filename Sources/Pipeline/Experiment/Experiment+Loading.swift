import Files
import JSON
public import SystemPackage

extension Experiment {
    /// Reads and checks a configuration without running anything.
    ///
    /// - Parameters:
    ///   - path: The file. Comments are allowed.
    ///   - overrides: Arguments of `--set`, applied in order.
    ///   - registry: The kinds that stages may have.
    /// - Throws: `ConfigurationError` with every problem found; `FileError` when the file can't be read.
    public static func load(_ path: FilePath, overrides: [String] = [], registry: StageRegistry) throws
        -> Experiment
    {
        try parse(try FileSystem.read(path), name: path.string, overrides: overrides, registry: registry)
    }

    /// Reads and checks the bytes of a configuration.
    ///
    /// - Throws: `ConfigurationError` with every problem found.
    public static func parse(
        _ bytes: [UInt8], name: String, overrides: [String] = [], registry: StageRegistry
    ) throws(ConfigurationError) -> Experiment {
        let document: JSONDocument
        do throws(JSONSyntaxError) {
            document = try JSONDocument(parsing: bytes, name: name, allowComments: true)
        } catch {
            throw ConfigurationError([Diagnostic(error)])
        }
        var root = ConfigNode(document.root, source: document.source)
        var problems: [Diagnostic] = []
        for argument in overrides {
            do throws(Diagnostic) {
                try Override(argument).apply(to: &root)
            } catch { problems.append(error) }
        }
        var loader = ExperimentLoader(registry: registry)
        let experiment = loader.load(root)
        problems += loader.problems
        guard let experiment, problems.isEmpty else { throw ConfigurationError(problems) }
        return experiment
    }
}
