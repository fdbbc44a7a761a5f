@testable import Sessions

/// A terminal reduced to what is written to it here.
struct TerminalScreen {
    let columns: Int
    /// What stands in each column; the second column of a wide character is empty.
    private(set) var rows: [[String]] = [[]]
    private var row = 0
    private var column = 0

    init(columns: Int) { self.columns = columns }

    /// The rows as text, without what is blank at their ends.
    var text: [String] {
        var lines = rows.map { row -> String in
            var line = row.joined()
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
        while lines.last == "" { lines.removeLast() }
        return lines
    }

    mutating func write(_ output: String) {
        var rest = Substring(output)
        while let character = rest.first {
            if character == "\u{1B}" {
                rest = escape(rest.dropFirst())
                continue
            }
            rest.removeFirst()
            switch character {
            case "\r\n": (row, column) = (row + 1, 0)
            case "\r": column = 0
            case "\n": row += 1
            default: put(character)
            }
            while rows.count <= row { rows.append([]) }
        }
    }

    private mutating func put(_ character: Character) {
        let width = DisplayWidth.of(character)
        if column + width > columns {
            (row, column) = (row + 1, 0)
            while rows.count <= row { rows.append([]) }
        }
        while rows[row].count < column + width { rows[row].append(" ") }
        rows[row][column] = String(character)
        if width == 2 { rows[row][column + 1] = "" }
        column += width
    }

    private mutating func escape(_ text: Substring) -> Substring {
        let body = text.dropFirst().prefix { !$0.isLetter }
        let end = text.dropFirst(1 + body.count)
        let count = Int(body) ?? 1
        switch end.first {
        case "A": row = max(0, row - count)
        case "C": column = min(columns - 1, column + count)
        case "K": rows[row] = Array(rows[row].prefix(column))
        case "J":
            rows[row] = Array(rows[row].prefix(column))
            rows = Array(rows.prefix(row + 1))
        case "m", "h", "l": break
        default: preconditionFailure("the terminal doesn't know \(String(describing: end.first))")
        }
        return end.dropFirst()
    }
}
