internal import Base
internal import Recipes

/// A table as RFC 4180 writes it, with a line of headings.
struct CSVFile {
    let headings: [String]
    let rows: [[String]]

    init(_ text: String) throws(NotebookProblem) {
        var records: [[String]]
        do throws(SeparatedValues.Problem) {
            records = try SeparatedValues.records(text).map(\.values)
        } catch {
            throw .results(error.reason)
        }
        guard !records.isEmpty else { throw .results("It is empty.") }
        headings = records.removeFirst()
        let width = headings.count
        if let row = records.firstIndex(where: { $0.count != width }) {
            throw .results(
                "Its row \(row + 1) has \(records[row].count) cells, but there are \(width) headings."
            )
        }
        rows = records
    }

    /// What stands in `[row][column]`, or with a third key in a cell of several numbers such as `1 / 2 / 3`.
    ///
    /// Rows are named by their first cell, or by as many as it takes (`LLaDA / MATH`), columns by their heading; items are counted from 1.
    func value(at keys: [String]) throws(NotebookProblem) -> Datum {
        guard keys.count == 2 || keys.count == 3 else {
            throw .marker("A place in a table is [row][column], perhaps with [item].")
        }
        guard let column = headings.firstIndex(of: keys[1]) else {
            throw .marker(
                "It has no column \"\(keys[1])\". \(NearestName.hint(for: keys[1], among: headings, what: "Its columns") ?? "")"
            )
        }
        let (rows, isList) = try self.rows(keys[0])
        let cells = rows.map { $0[column] }
        if isList { return .list(try Self.numbers(cells)) }
        guard keys.count == 3 else { return Double(cells[0]).map(Datum.number) ?? .text(cells[0]) }
        let items = cells[0].byteText.split(" / ").map(\.text)
        if keys[2] == "*" { return .list(try Self.numbers(items)) }
        guard let index = Int(keys[2]), index > 0, items.indices.contains(index - 1) else {
            throw .marker("That cell has \(items.count) items, counted from 1; there is no [\(keys[2])].")
        }
        return Double(items[index - 1]).map(Datum.number) ?? .text(items[index - 1])
    }

    /// The row of a name, all rows (`*`), or those with a word under a heading (`Verdict = agrees`).
    private func rows(_ name: String) throws(NotebookProblem) -> (rows: [[String]], isList: Bool) {
        if name == "*" { return (rows, true) }
        let found = rows.filter { row in
            // Where the first cells repeat, the next ones tell rows apart.
            let parts = name.byteText.split(" / ").map(\.text)
            return row[0] == name || row.starts(with: parts)
        }
        if found.count == 1 { return (found, false) }
        let sides = name.byteText.split(" = ").map(\.text)
        if sides.count == 2, let column = headings.firstIndex(of: sides[0]) {
            return (rows.filter { $0[column] == sides[1] }, true)
        }
        guard found.isEmpty else {
            throw .marker(
                "It has \(found.count) rows \"\(name)\", so that the name doesn't say which. Add the next cells, as in [\(found[0].prefix(2).joined(separator: " / "))]."
            )
        }
        let hint = NearestName.hint(for: name, among: rows.map { $0[0] }, what: "Its rows") ?? ""
        throw .marker("It has no row \"\(name)\". \(hint)")
    }

    private static func numbers(_ texts: [String]) throws(NotebookProblem) -> [Double] {
        var numbers: [Double] = []
        for text in texts { numbers.append(try number(text)) }
        return numbers
    }

    private static func number(_ text: String) throws(NotebookProblem) -> Double {
        guard let number = Double(text) else { throw .marker("\"\(text)\" is no number.") }
        return number
    }
}
