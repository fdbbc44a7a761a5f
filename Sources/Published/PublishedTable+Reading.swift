internal import Documents
internal import JSON
package import SystemPackage

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
            try row.allow(["label", "attributes", "cells"])
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
                key: key, label: try row.required("label").string(),
                attributes: try row.required("attributes").values(), cells: cells)
        }
    }
}
