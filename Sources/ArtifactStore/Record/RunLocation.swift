package import Files
package import SystemPackage

/// A run with its record and the store that its artifacts are in.
package struct RunLocation: Sendable {
    /// The run's folder.
    package let folder: FilePath
    package let record: RunRecord
    package let store: Store

    /// The run that a text names.
    ///
    /// - Parameters:
    ///   - text: See ``RunAddress/find(_:in:)``.
    ///   - store: Where names are looked up. A run given by its path is in the store that its folder lies in.
    /// - Throws: As ``RunAddress/find(_:in:)`` and ``RunRecord/read(_:)``.
    package static func find(_ text: String, in store: Store) throws -> RunLocation {
        let folder = try RunAddress.find(text, in: store)
        let record = try RunRecord.read(folder)
        return RunLocation(
            folder: folder, record: record, store: Self.store(around: folder, record, given: store))
    }

    /// The store that holds a run's folder, which is in `<store>/<experiment>/runs`; the given one where it is that,
    /// or where the folder lies elsewhere.
    private static func store(around folder: FilePath, _ record: RunRecord, given: Store) -> Store {
        // A path such as "." says nothing about the folders above it.
        guard let current = MachinePaths.currentFolder else { return given }
        var rest = current.pushing(folder).lexicallyNormalized().removingLastComponent()
        for name in ["runs"] + FilePath(record.experiment).components.reversed().map(\.string) {
            guard rest.lastComponent?.string == name else { return given }
            rest.removeLastComponent()
        }
        return rest == current.pushing(given.root).lexicallyNormalized() ? given : Store(rest)
    }

    /// The run's address in its store: `mini/smoke/runs/20261121T093000Z-1`.
    package var address: String { "\(record.experiment)/runs/\(folder.lastComponent?.string ?? "")" }

    /// Writes a file to the run's folder, which may have come from anybody: below the store no link is followed.
    ///
    /// - Returns: the file's path.
    /// - Throws: `FileError`.
    package func write(_ bytes: some Sequence<UInt8>, to name: FilePath.Component) throws(FileError)
        -> FilePath
    {
        let path = folder.appending(name)
        let file = FilePath(root: nil, components: name)
        guard let current = MachinePaths.currentFolder, let opened = try store.opened() else {
            try Folder(folder).writeAtomically(bytes, to: file)
            return path
        }
        var place = current.pushing(folder).lexicallyNormalized()
        // A run elsewhere was named by its path.
        if place.removePrefix(current.pushing(store.root).lexicallyNormalized()), !place.isEmpty {
            try opened.writeAtomically(bytes, to: place.appending(name))
        } else {
            try Folder(folder).writeAtomically(bytes, to: file)
        }
        return path
    }
}
