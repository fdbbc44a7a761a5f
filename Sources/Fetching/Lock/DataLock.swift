internal import Files
internal import JSON
package import SystemPackage

/// The lock file `data.lock`: every input that experiments take from outside, and its hashes.
package struct DataLock: Sendable {
    /// What the file is called.
    package static let fileName = "data.lock"
    /// The version of the file's form.
    static let format = 1

    package let path: FilePath
    /// In the order of the file.
    package let inputs: [LockedInput]
    /// The whole file: what changes are made in.
    let value: JSONValue

    /// Reads a lock file.
    ///
    /// - Throws: ``FetchError`` with the place of the first thing that is wrong; `FileError`.
    package init(_ path: FilePath) throws {
        try self.init(parsing: try FileSystem.read(path), path: path)
    }

    /// Reads the bytes of a lock file.
    ///
    /// - Throws: ``FetchError`` with the place of the first thing that is wrong.
    package init(parsing bytes: [UInt8], path: FilePath) throws(FetchError) {
        let document: JSONDocument
        do throws(JSONSyntaxError) {
            document = try JSONDocument(parsing: bytes, name: path.string)
        } catch {
            throw FetchError(.lockFile, "\(error)")
        }
        self.path = path
        inputs = try LockReader(document).inputs()
        value = JSONValue(document.root)
    }

    /// The input of that name.
    ///
    /// - Throws: ``FetchError`` that lists the names.
    package func input(_ name: String) throws(FetchError) -> LockedInput {
        guard let input = inputs.first(where: { $0.name == name }) else {
            throw FetchError(
                .unknownInput,
                "\(path) has no input \"\(name)\". Its inputs: \(inputs.map(\.name).joined(separator: ", "))."
            )
        }
        return input
    }
}
