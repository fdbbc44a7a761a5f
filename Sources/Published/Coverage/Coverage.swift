internal import Base
internal import Documents
package import Evaluation
internal import Files
internal import JSON
package import SystemPackage

/// What of the papers is covered, with the verdicts that are recorded.
package struct Coverage: Sendable {
    /// An item with what the repository has on it.
    package struct Entry: Sendable {
        package let item: CoverageItem
        /// The recorded verdict of a claim that was tested here.
        package let verdict: String?
        /// What the published numbers themselves say of the claim.
        package let publishedVerdict: Claim.Verdict?
        /// How many of a table's cells have a stage, and how many it has.
        package let cells: (covered: Int, all: Int)?
    }

    /// What isn't known of the papers.
    package let note: String
    package let entries: [Entry]

    /// Reads `coverage.json` of the published numbers and the records that it points to.
    ///
    /// - Parameter root: The repository's folder, in which `experiments` and `configs` are.
    /// - Throws: `FileError`, `JSONSyntaxError`, `PublishedDataError`, `UnknownPublishedNameError`.
    package init(_ tables: PublishedTables, file: FilePath, root: FilePath) throws {
        let reader = try NodeReader(file: file)
        try reader.allow(["note", "items"])
        note = try reader.required("note").string()
        entries = try reader.required("items").members().map { key, node in
            let item = try CoverageItem(key: key, node)
            return Entry(
                item: item,
                verdict: try item.record.map {
                    try RecordedClaims(root.pushing($0.file)).verdict(of: $0.statement, for: node)
                },
                publishedVerdict: try item.predicate.map { try $0.verdict(tables) },
                cells: try item.table.map { name in
                    let table = try tables.table(name)
                    return (try Self.covered(table, item, root), table.cellCount)
                })
        }
    }

    /// How many cells of a table have a stage in its experiment.
    private static func covered(
        _ table: PublishedTable, _ item: CoverageItem, _ root: FilePath
    ) throws -> Int {
        if item.state == .recomputed { return table.cellCount }
        guard let experiment = table.experiment else { return 0 }
        let config = try NodeReader(
            file: root.appending("configs").pushing(FilePath("\(experiment).json")))
        let stages = Set(try config["stages"]?.members().map(\.key) ?? [])
        return table.rows.reduce(0) { count, row in
            count
                + table.columns.count {
                    row.cells[$0.key] != nil && stages.contains(table.stage(row, $0))
                }
        }
    }
}

extension CoverageItem.Predicate {
    /// What the published numbers say; they have no intervals, so that it holds or doesn't.
    func verdict(_ tables: PublishedTables) throws -> Claim.Verdict {
        let claim = Claim(
            name: "published", statement: "", left: .measured(left), relation: .times(factor: factor),
            right: .measured(right))
        var measurements: [String: Measurement] = [:]
        for path in [left, right] { measurements[path] = Measurement(try tables.number(at: path)) }
        return claim.verdict(given: measurements)
    }
}

extension PublishedTables {
    /// The number of a path `table/row/column/metric`.
    ///
    /// - Throws: `UnknownPublishedNameError` for the table, `PublishedDataError` for the rest.
    package func number(at path: String) throws -> Double {
        let parts = path.byteText.split("/").map(\.text)
        guard parts.count == 4 else {
            throw PublishedDataError(file: path, "\"\(path)\" isn't of the form table/row/column/metric.")
        }
        guard let number = try table(parts[0]).row(parts[1])?.cells[parts[2]]?[parts[3]]?.double else {
            throw PublishedDataError(
                file: path, "There is no number \"\(path)\": the row, the column or the metric is missing.")
        }
        return number
    }
}
