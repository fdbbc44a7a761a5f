internal import Evaluation
package import JSON

/// The numbers of a published table beside those of a run, each with its verdict.
package struct TableComparison: Sendable {
    /// One metric of one cell.
    package struct Entry: Sendable {
        package let row: PublishedTable.Row
        package let column: PublishedTable.Column
        package let metric: String
        /// A number, or words where the source has words.
        package let published: JSONValue
        /// Nil where nothing was computed.
        package let reproduced: Double?
        /// The Wilson interval of a reproduced accuracy.
        package let interval: ClosedRange<Double>?
        /// How far they may be apart to match, in the metric's unit; nil where they aren't compared.
        package let tolerance: Double?
        /// How far they may be apart by chance; nil where they aren't compared.
        package let noise: Double?
        package let verdict: Verdict
        /// Why there is no number or no comparison.
        package let reason: String?

        /// Reproduced less published.
        package var difference: Double? {
            guard let reproduced, let number = published.double else { return nil }
            return reproduced - number
        }
    }

    package let table: PublishedTable
    /// The address of the run; nil where none was given.
    package let run: String?
    /// Column by column, in each row by row.
    package let entries: [Entry]

    /// Compares a table with a run, or with nothing.
    package init(_ table: PublishedTable, _ run: Reproduction?, tolerances: Tolerances) {
        self.table = table
        self.run = run?.address
        let comparer = CellComparer(table: table, run: run, tolerances: tolerances)
        entries = table.columns.flatMap { column in
            table.rows.flatMap { row in
                table.metrics.compactMap { comparer.entry($0, row, column) }
            }
        }
    }

    /// How many entries have a verdict.
    package func count(_ verdict: Verdict) -> Int { entries.count { $0.verdict == verdict } }

    /// All verdicts with their counts, as a phrase: `12 match, 3 not run`.
    package var summary: String {
        Verdict.allCases.filter { count($0) > 0 }.map { "\(count($0)) \($0.rawValue)" }
            .joined(separator: ", ")
    }
}
