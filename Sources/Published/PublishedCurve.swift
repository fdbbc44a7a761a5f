internal import Base
internal import JSON

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
