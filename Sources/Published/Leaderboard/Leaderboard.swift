internal import Evaluation
internal import JSON

/// The AUP of every method and benchmark of the d3LLM paper, computed again from the published speeds and accuracies.
package struct Leaderboard: Sendable {
    /// One published AUP and what its curve gives.
    package struct Entry: Sendable {
        package let base: Base
        package let row: PublishedTable.Row
        package let column: PublishedTable.Column
        /// The points of the curve, the slowest first: tokens per forward and accuracy in percent.
        package let points: [(tpf: Double, accuracy: Double)]
        /// The AUP of the leaderboard.
        package let published: Double
        /// The AUP of the points.
        package let recomputed: Double

        /// Whether both are the same but for rounding.
        package var agrees: Bool { abs(published - recomputed) <= Leaderboard.rounding }
    }

    /// The methods on one model: they share the best accuracy of each benchmark.
    package struct Base: Sendable {
        /// What files call it, such as `llada`.
        package let key: String
        package let title: String
        /// The table of the speeds and accuracies.
        package let table: PublishedTable
    }

    /// How far apart two values of the same area may be: published ones have four digits after the point at most.
    package static let rounding = 0.006

    /// The table of the published AUP.
    static let tableName = "d3llm-leaderboard"
    private static let bases = [
        ("llada", "LLaDA", "d3llm-llada"), ("dream", "Dream", "d3llm-dream"),
        ("dream-coder", "Dream-Coder", "d3llm-coder"),
    ]

    package let bases: [Base]
    /// Base by base, in each benchmark by benchmark.
    package let entries: [Entry]
    let tables: PublishedTables

    /// Computes all areas again.
    ///
    /// - Throws: `UnknownPublishedNameError` where a table is missing; `LeaderboardError` where the tables don't
    ///   belong together; `AUPError`.
    package init(_ tables: PublishedTables) throws {
        self.tables = tables
        let published = try tables.table(Self.tableName)
        bases = try Self.bases.map { Base(key: $0, title: $1, table: try tables.table($2)) }
        var entries: [Entry] = []
        for base in bases {
            for column in base.table.columns {
                for row in base.table.rows where !PublishedCurve.isStart(row) {
                    guard row.cells[column.key] != nil else { continue }
                    let area = published.row("\(base.key)-\(row.key)")?.cells[column.key]?["AUP"]?.double
                    guard let area else {
                        throw LeaderboardError(
                            "\(Self.tableName) has no AUP of \(base.key)-\(row.key) in \(column.key).")
                    }
                    entries.append(try Self.entry(base, row, column, published: area))
                }
            }
        }
        guard entries.count == published.cellCount else {
            throw LeaderboardError(
                "\(Self.tableName) has \(published.cellCount) areas, but the tables have \(entries.count) curves."
            )
        }
        self.entries = entries
    }

    private static func entry(
        _ base: Base, _ row: PublishedTable.Row, _ column: PublishedTable.Column, published: Double
    ) throws -> Entry {
        let table = base.table
        let points = try PublishedCurve(table, row, column).rows.map { row in
            guard let tpf = table.number("TPF", row, column),
                let accuracy = table.number("accuracy", row, column)
            else {
                throw LeaderboardError("\(table.name) lacks TPF or accuracy of \(row.key) in \(column.key).")
            }
            return (tpf: tpf, accuracy: accuracy)
        }
        let area = try AUP.area(
            tpf: points.map(\.tpf), accuracy: points.map(\.accuracy), yMax: Self.best(table, column))
        return Entry(
            base: base, row: row, column: column, points: points, published: published, recomputed: area)
    }

    /// The best accuracy of any method and point.
    static func best(_ table: PublishedTable, _ column: PublishedTable.Column) -> Double {
        table.rows.compactMap { table.number("accuracy", $0, column) }.max() ?? 0
    }

    /// The mean area of a method over the benchmarks of its base, without the "plus" ones.
    package func mean(_ base: Base, _ row: PublishedTable.Row) -> Double? {
        LeaderboardAverage.intended(
            entries.filter { $0.base.key == base.key && $0.row.key == row.key }
                .map { (task: $0.column.label, area: $0.recomputed) })
    }
}

/// Why the published tables give no leaderboard.
package struct LeaderboardError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
