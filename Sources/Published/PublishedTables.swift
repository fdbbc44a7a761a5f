internal import Base
internal import Files
package import SystemPackage

/// All published tables of a folder, with the tolerances for judging reproductions of them.
package struct PublishedTables: Sendable {
    /// Files of the folder that aren't tables.
    private static let others: Set<String> = ["tolerances.json", "coverage.json"]

    /// By name.
    package let tables: [PublishedTable]
    package let tolerances: Tolerances

    /// Reads every file of the folder.
    ///
    /// - Throws: `UnknownPublishedNameError` where there is no such folder; else as the readers of the files.
    package init(folder: FilePath) throws {
        guard try FileSystem.status(folder)?.kind == .folder else {
            throw UnknownPublishedNameError(folder: folder)
        }
        let names = try FileSystem.list(folder).filter {
            $0.byteText.hasSuffix(".json") && !Self.others.contains($0)
        }
        tables = try names.sorted().map { try PublishedTable(file: folder.appending($0)) }
        tolerances = try Tolerances(file: folder.appending("tolerances.json"))
    }

    /// The table of this name.
    ///
    /// - Throws: `UnknownPublishedNameError` with the nearest name.
    package func table(_ name: String) throws -> PublishedTable {
        guard let table = tables.first(where: { $0.name == name }) else {
            throw UnknownPublishedNameError(name, among: tables.map(\.name))
        }
        return table
    }
}
