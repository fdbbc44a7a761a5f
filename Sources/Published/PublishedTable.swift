package import Base
internal import Documents
internal import Files
package import JSON
internal import Recipes
package import Reporting
package import SystemPackage

/// One table of published numbers: rows and columns with stable keys, and the metrics of each cell.
///
/// It is read from a file of `configs/published`, which says where the numbers come from.
package struct PublishedTable: Sendable, Hashable {
    /// What kind of source the numbers have.
    package enum Role: String, Sendable, Hashable, CaseIterable {
        /// A table of the authors.
        case table
        /// A figure, or the data of one.
        case figure
        /// Values that the authors replaced later.
        case superseded
        /// A value that contradicts another one of the same authors.
        case conflict
        /// Somebody quotes the authors.
        case secondHand = "second-hand"
        /// Somebody else measured.
        case thirdParty = "third-party"
        /// Prose without a table.
        case statement
    }

    /// One column: mostly a benchmark, sometimes a machine.
    package struct Column: Sendable, Hashable {
        package let key: String
        package let label: String
        /// What holds for all its cells, such as the number of examples in the prompt.
        package let attributes: JSONObject
    }

    /// One row: a method, possibly with a setting.
    package struct Row: Sendable, Hashable {
        package let key: String
        package let label: String
        /// The heading that it stands below together with its neighbours of the same group; nil where rows aren't grouped.
        package var group: String?
        /// What holds for all its cells.
        package let attributes: JSONObject
        /// By the column's key, the metrics and what else holds for this cell alone.
        package let cells: [String: JSONObject]
    }

    /// The file's name without ending; what commands call the table.
    package let name: String
    package let title: String
    /// The work that it belongs to, such as `d3LLM`.
    package let work: String
    package let role: Role
    /// The document that the numbers were read from.
    package let source: String
    /// What the table is called there.
    package let sourceTable: String
    /// The experiment that computes these numbers, such as `paper/d3llm-llada`; nil where none does.
    package let experiment: String?
    /// The keys of cells that are results, in the order in which they are shown.
    package let metrics: [String]
    /// What holds for all cells.
    package let attributes: JSONObject
    package let columns: [Column]
    package let rows: [Row]

    /// The row of this key.
    package func row(_ key: String) -> Row? { rows.first { $0.key == key } }

    /// Everything that is known of a cell: attributes of the table, the column and the row, then the cell's own.
    ///
    /// Nil where the cell is empty.
    package func record(_ row: Row, _ column: Column) -> JSONObject? {
        guard let cell = row.cells[column.key] else { return nil }
        var record = attributes
        for part in [column.attributes, row.attributes, cell] {
            for member in part.members { record[member.key] = member.value }
        }
        record["table"] = .string(sourceTable)
        record["source"] = .string(source)
        return record
    }

    /// A published number; nil where there is none or where the source has words.
    package func number(_ metric: String, _ row: Row, _ column: Column) -> Double? {
        row.cells[column.key]?[metric]?.double
    }

    /// The benchmark that a cell is about.
    package func benchmark(_ row: Row, _ column: Column) -> String? {
        record(row, column)?["benchmark"]?.string
    }

    /// The stage whose numbers reproduce a cell, in the table's ``experiment``.
    package func stage(_ row: Row, _ column: Column) -> String { "\(row.key)-\(column.key)" }

    /// How many cells there are; each is one row of the sources.
    package var cellCount: Int { rows.reduce(0) { $0 + $1.cells.count } }
}

extension PublishedTable {
    /// SHA-256 over all cells as the rows of the source that they were read from: tells whether one was lost,
    /// doubled, changed or invented.
    ///
    /// Each cell is one line of `key=value`, keys sorted, numbers as doubles; the lines are sorted.
    package var digest: String {
        let lines = rows.flatMap { row in
            columns.compactMap { column in record(row, column).map(Self.line) }
        }
        // By bytes, as other languages sort; Swift's own order of strings is by canonical equivalence.
        let sorted = lines.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        return SHA256.hex(of: Array(sorted.joined(separator: [UInt8(ascii: "\n")])))
    }

    private static func line(_ record: JSONObject) -> String {
        record.members.map { member in
            let value = member.value.double.map { "\($0)" } ?? member.value.string ?? "?"
            return "\(member.key)=\(value)"
        }.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
            .joined(separator: "\u{1F}")
    }
}

extension PublishedTable {
    /// Reads a file of `configs/published`.
    ///
    /// - Throws: `FileError`, `JSONSyntaxError`, `PublishedDataError` with the place of the mistake.
    package init(file: FilePath) throws {
        let root = try NodeReader(file: file)
        try root.allow([
            "name", "title", "work", "role", "sourceTable", "source", "experiment", "metrics", "attributes",
            "columns", "rows",
        ])
        name = try root.required("name").string()
        guard name == file.stem else {
            throw try root.required("name").error(
                "The table's name isn't that of its file, \"\(file.stem ?? "")\".")
        }
        title = try root.required("title").string()
        work = try root.required("work").string()
        role = try root.choice("role")
        source = try root.required("source").string()
        sourceTable = try root.required("sourceTable").string()
        experiment = try root["experiment"]?.string()
        metrics = try root.required("metrics").elements().map { try $0.string() }
        attributes = try root.required("attributes").values()
        columns = try root.required("columns").members().map { key, column in
            try column.allow(["label", "attributes"])
            return Column(
                key: key, label: try column.required("label").string(),
                attributes: try column.required("attributes").values())
        }
        let known = Set(columns.map(\.key))
        rows = try root.required("rows").members().map { key, row in
            try row.allow(["label", "group", "attributes", "cells"])
            var cells: [String: JSONObject] = [:]
            for (column, cell) in try row.required("cells").members() {
                guard known.contains(column) else {
                    throw cell.error(
                        "There is no column \"\(column)\". There are \(known.sorted().joined(separator: ", "))."
                    )
                }
                cells[column] = try cell.values()
            }
            return Row(
                key: key, label: try row.required("label").string(), group: try row["group"]?.string(),
                attributes: try row.required("attributes").values(), cells: cells)
        }
    }
}

/// The points of one method on one benchmark: where it begins, at one token per forward, and its headline.
struct PublishedCurve {
    /// What the key of the row ends in that holds where a method's curve begins.
    static let startSuffix = "-tpf1"

    /// The rows of the curve's points, the slowest first.
    let rows: [PublishedTable.Row]

    /// The curve that ends in a row.
    init(_ table: PublishedTable, _ row: PublishedTable.Row, _ column: PublishedTable.Column) {
        let start = table.row(row.key + Self.startSuffix).flatMap {
            $0.cells[column.key] == nil ? nil : $0
        }
        rows = [start, row].compactMap { $0 }
    }

    /// Whether a row is where a method's curve begins, and not a headline of its own.
    static func isStart(_ row: PublishedTable.Row) -> Bool { row.key.byteText.hasSuffix(startSuffix) }
}

/// All published tables of a folder, with the tolerances for judging reproductions of them.
package struct PublishedTables: Sendable {
    /// Files of the folder that aren't tables.
    private static let others: Set<String> = ["tolerances.json", "coverage.json", "later.json"]

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

extension PublishedTables {
    /// Which tables there are.
    package var overview: Table {
        var table = Table(
            title: "Published tables",
            columns: [
                .init("Name"), .init("Title"), .init("Work"), .init("Kind"),
                .init("Cells", alignment: .right), .init("Experiment"),
            ],
            notes: ["\(tables.reduce(0) { $0 + $1.cellCount }) cells; each is in configs/published."])
        for entry in tables {
            table.append([
                .text(entry.name), .text(entry.title), .text(entry.work), .text(entry.role.rawValue),
                .number(Double(entry.cellCount), digits: 0),
                .text(entry.experiment.map { "configs/\($0).json" } ?? ""),
            ])
        }
        return table
    }

    /// The same for programs.
    package var value: JSONValue {
        [
            "tables": .array(
                tables.map {
                    [
                        "name": .string($0.name), "title": .string($0.title), "work": .string($0.work),
                        "kind": .string($0.role.rawValue), "cells": .integer($0.cellCount),
                        "experiment": $0.experiment.map(JSONValue.string) ?? .null,
                        "source": .string($0.source),
                    ]
                })
        ]
    }
}

/// A file of published data that doesn't have the form that it should, and where.
package struct PublishedDataError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }
    package var hasOwnLines: Bool { true }

    /// The file.
    package let file: String
    package let description: String

    init(file: String, _ message: String) {
        self.file = file
        description = message
    }
}

/// A table, benchmark or file that isn't among the published ones.
package struct UnknownPublishedNameError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    package let description: String

    init(_ name: String, among names: [String]) {
        let nearest = NearestName.nearest(to: name, among: names)
        let hint = nearest.map { "Did you mean \"\($0)\"?" } ?? "There are \(names.joined(separator: ", "))."
        description = "There is no published table \"\(name)\". \(hint)"
    }

    init(folder: FilePath) {
        description =
            "There is no folder of published numbers at \(folder). Run the command in the repository, or name the "
            + "folder with --published."
    }
}
