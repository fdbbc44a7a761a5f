internal import Base
internal import Documents
internal import Evaluation
internal import Files
package import JSON
package import Measures
internal import Recipes
package import Reporting
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

extension Coverage {
    /// For terminals, where the table would be too wide: a paragraph for each item, and the shares.
    package var text: String {
        var lines: [String] = []
        for kind in CoverageItem.Kind.allCases {
            lines += ["\(kind.rawValue.uppercased())S", ""]
            for entry in entries where entry.item.kind == kind { lines += paragraph(entry) + [""] }
        }
        return (lines + summary + ["", note]).joined(separator: "\n") + "\n"
    }

    private func paragraph(_ entry: Entry) -> [String] {
        let item = entry.item
        var state = item.state.rawValue
        if let verdict = entry.verdict { state += ": \(verdict)" }
        if let cells = entry.cells, item.state != .outOfReach {
            state += ", \(cells.covered) of \(cells.all) cells"
        }
        if let verdict = entry.publishedVerdict { state += "; on the published numbers: \(verdict.rawValue)" }
        return ["\(item.work): \(item.title)", "  \(state)", "  \(item.reason)"]
            + [item.config.map { "  \($0)" }, item.record.map { "  \($0.file)" }].compactMap { $0 }
    }
}

/// The verdicts of a `claims.csv`, which the runner writes, in the words of today.
struct RecordedClaims {
    private let file: FilePath
    private let verdicts: [String: String]

    /// - Throws: `FileError`; `PublishedDataError` for a file without columns `Claim` and `Verdict`.
    init(_ file: FilePath) throws {
        self.file = file
        let text = try FileSystem.readText(file)
        var records: [[String]]
        do throws(SeparatedValues.Problem) {
            records = try SeparatedValues.records(text).map(\.values)
        } catch {
            throw PublishedDataError(file: file.string, "\(file), line \(error.line): \(error.reason)")
        }
        let heading = records.isEmpty ? [] : records.removeFirst()
        guard let claim = heading.firstIndex(of: "Claim"), let verdict = heading.firstIndex(of: "Verdict")
        else {
            throw PublishedDataError(
                file: file.string, "\(file) has no columns \"Claim\" and \"Verdict\" in its first line.")
        }
        verdicts = Dictionary(
            records.compactMap { $0.count == heading.count ? ($0[claim], $0[verdict]) : nil },
            uniquingKeysWith: { first, _ in first })
    }

    func verdict(of statement: String, for reader: NodeReader) throws -> String {
        guard let verdict = verdicts[statement] else {
            let nearest = NearestName.nearest(to: statement, among: verdicts.keys.sorted())
            throw reader.error(
                "\(file) has no claim \"\(statement)\"."
                    + (nearest.map { " Did you mean \"\($0)\"?" } ?? ""))
        }
        return Claim.Verdict(recorded: verdict)?.rawValue ?? verdict
    }
}

extension Coverage {
    /// How many items of a kind are in each state.
    package func counts(_ kind: CoverageItem.Kind) -> [(state: CoverageItem.State, count: Int)] {
        CoverageItem.State.allCases.map { state in
            (state, entries.count { $0.item.kind == kind && $0.item.state == state })
        }
    }

    /// All items, and below the shares of each kind.
    package var table: Table {
        var table = Table(
            title: "Coverage of the papers",
            columns: [
                .init("Work"), .init("Kind"), .init("Item"), .init("State"),
                .init("Cells", alignment: .right), .init("Verdict here"), .init("On published numbers"),
                .init("Configuration"), .init("Why"),
            ], notes: summary + [note])
        for entry in entries {
            let item = entry.item
            table.append([
                .text(item.work), .text(item.kind.rawValue), .text(item.title), .text(item.state.rawValue),
                .text(entry.cells.map { "\($0.covered) of \($0.all)" } ?? ""), .text(entry.verdict ?? ""),
                .text(entry.publishedVerdict?.rawValue ?? ""), .text(item.config ?? ""), .text(item.reason),
            ])
        }
        return table
    }

    /// One sentence for each kind: how many items it has, and the share in each state.
    package var summary: [String] {
        CoverageItem.Kind.allCases.compactMap { kind in
            let counts = counts(kind)
            let all = counts.reduce(0) { $0 + $1.count }
            guard all > 0 else { return nil }
            let shares = counts.filter { $0.count > 0 }.map { state, count in
                "\(count) \(state.rawValue) (\(FixedPoint.text(100 * Double(count) / Double(all), digits: 0)) %)"
            }
            return "\(all) \(kind.rawValue)s: \(shares.joined(separator: ", "))."
        }
    }

    /// The same for programs.
    package var value: JSONValue {
        func text(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
        return [
            "note": .string(note),
            "kinds": .object(
                JSONObject(
                    CoverageItem.Kind.allCases.map { kind in
                        let counts = counts(kind)
                        let all = max(1, counts.reduce(0) { $0 + $1.count })
                        return (
                            kind.rawValue,
                            .object(
                                JSONObject(
                                    counts.map {
                                        (
                                            $0.state.rawValue,
                                            [
                                                "count": .integer($0.count),
                                                "percent": .number(100 * Double($0.count) / Double(all)),
                                            ]
                                        )
                                    }))
                        )
                    })),
            "items": .array(
                entries.map { entry in
                    [
                        "key": .string(entry.item.key), "work": .string(entry.item.work),
                        "kind": .string(entry.item.kind.rawValue), "title": .string(entry.item.title),
                        "state": .string(entry.item.state.rawValue), "table": text(entry.item.table),
                        "config": text(entry.item.config), "reason": .string(entry.item.reason),
                        "coveredCells": entry.cells.map { .integer($0.covered) } ?? .null,
                        "cells": entry.cells.map { .integer($0.all) } ?? .null,
                        "verdict": text(entry.verdict), "record": text(entry.item.record?.file.string),
                        "publishedVerdict": text(entry.publishedVerdict?.rawValue),
                    ]
                }),
        ]
    }
}

/// One table, figure or claim of a paper, and how far it is covered here.
package struct CoverageItem: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case table, figure, claim
    }

    /// How far an item is covered.
    package enum State: String, Sendable, Hashable, CaseIterable {
        /// Computed again here from the published numbers, in full.
        case recomputed
        /// The predicate was tested on models trained here from scratch; what came of it is the verdict.
        case mini = "tested at mini scale"
        /// A configuration computes it for whoever has the weights, all or some of its cells.
        case runnable = "runnable with weights"
        /// Nothing here computes it; the reason says why.
        case outOfReach = "out of reach"
    }

    /// Where the verdict of a claim is recorded.
    package struct Record: Sendable, Hashable {
        /// A `claims.csv` of an experiment, relative to the repository.
        package let file: FilePath
        /// The claim in the words of that file.
        package let statement: String
    }

    /// A claim about published numbers, by their paths `table/row/column/metric`.
    package struct Predicate: Sendable, Hashable {
        package let left: String
        package let right: String
        /// What left is more than so many times of.
        package let factor: Double
    }

    /// Short and unique.
    package let key: String
    package let work: String
    package let kind: Kind
    /// The table's title, or the claim in words.
    package let title: String
    /// The published table, if there is one.
    package let table: String?
    /// The configuration that covers it, relative to the repository.
    package let config: String?
    package let state: State
    /// Why it isn't more than that.
    package let reason: String
    package let record: Record?
    package let predicate: Predicate?
}

extension CoverageItem {
    init(key: String, _ reader: NodeReader) throws {
        try reader.allow([
            "work", "kind", "title", "table", "config", "state", "reason", "record", "published",
        ])
        self.key = key
        work = try reader.required("work").string()
        kind = try reader.choice("kind")
        title = try reader.required("title").string()
        table = try reader["table"]?.string()
        config = try reader["config"]?.string()
        state = try reader.choice("state")
        reason = try reader.required("reason").string()
        record = try reader["record"].map { record in
            try record.allow(["file", "statement"])
            return Record(
                file: FilePath(try record.required("file").string()),
                statement: try record.required("statement").string())
        }
        predicate = try reader["published"].map { predicate in
            try predicate.allow(["left", "right", "factor"])
            return Predicate(
                left: try predicate.required("left").string(),
                right: try predicate.required("right").string(),
                factor: try predicate["factor"]?.number() ?? 1)
        }
        if state == .mini, record == nil {
            throw reader.error("What was tested needs a \"record\" of its verdict.")
        }
    }
}
