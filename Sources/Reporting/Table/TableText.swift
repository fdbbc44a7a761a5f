/// The texts of a table's cells as a person reads them, with the reasons of missing cells numbered.
struct TableText {
    let headings: [String]
    let rows: [[String]]
    /// The notes, and then a line for every reason that a cell is missing for.
    let notes: [String]

    init(_ table: Table) {
        var reasons: [String] = []
        headings = table.columns.map(\.heading)
        rows = table.rows.map { row in
            row.map { cell in
                switch cell {
                case .text(let text): return text
                case .number(let number, let digits, let grouped):
                    return FixedPoint.text(number, digits: digits, grouped: grouped)
                case .interval(let number, let lower, let upper, let digits):
                    let ends = [lower, upper].map { FixedPoint.text($0, digits: digits) }
                    return "\(FixedPoint.text(number, digits: digits)) [\(ends[0]), \(ends[1])]"
                case .missing(let reason):
                    let index = reasons.firstIndex(of: reason) ?? reasons.count
                    if index == reasons.count { reasons.append(reason) }
                    return "— (\(index + 1))"
                }
            }
        }
        notes = table.notes + reasons.enumerated().map { "(\($0.offset + 1)) \($0.element)" }
    }
}
