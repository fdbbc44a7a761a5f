import JSON
package import SystemPackage

/// A file of settings that is no part of an experiment, read with the same care as one.
package enum SettingsFile {
    /// Reads one object with the initialiser of its type; comments are allowed.
    ///
    /// - Parameter subject: What messages call the object, such as `the site file`.
    /// - Throws: `ConfigurationError` with every problem found; `FileError` when the file can't be read.
    package static func read<Value>(
        _ path: FilePath, subject: String, _ read: (Fields) -> Value
    ) throws -> Value {
        let bytes = try ConfigFiles.readPlainFile(path)
        let document: JSONDocument
        do throws(JSONSyntaxError) {
            document = try JSONDocument(parsing: bytes, name: path.string, allowComments: true)
        } catch {
            throw ConfigurationError([Diagnostic(error)])
        }
        let root = document.root
        let session = ReadingSession(subject: subject)
        let fields = Fields(root, anchor: root.origin, path: [], session: session)
        let value = read(fields)
        fields.finish()
        guard session.diagnostics.isEmpty else { throw ConfigurationError(session.diagnostics) }
        return value
    }
}
