internal import Base

/// Renders for terminals: padded columns, two spaces apart, with a rule below the headings.
package struct TextTableRenderer: TableRenderer {
    /// A renderer; it has no options.
    package init() {}

    package func render(_ table: Table) -> String {
        let text = TableText(table)
        let columns = table.columns.indices.map { index in
            TextColumn(
                heading: Self.oneLine(text.headings[index]), cells: text.rows.map { Self.oneLine($0[index]) },
                alignment: table.columns[index].alignment)
        }
        var lines: [String] = []
        if let title = table.title { lines += [title.visible, ""] }
        lines.append(Self.join(columns.map(\.paddedHeading)))
        lines.append(Self.join(columns.map { String(repeating: "-", count: $0.width) }))
        for row in text.rows.indices { lines.append(Self.join(columns.map { $0.paddedCells[row] })) }
        if !text.notes.isEmpty { lines += [""] + text.notes.map(\.visibleLines) }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func join(_ fields: [String]) -> String {
        var line = fields.joined(separator: "  ")
        while let shorter = line.byteText.dropping(suffix: " ") { line = shorter.text }
        return line
    }

    /// On one line, and without what a terminal would act on.
    private static func oneLine(_ text: String) -> String {
        let joined = text.byteText.replacing("\r\n", with: "\n").text.unicodeScalars
            .map { $0.isLineBreak || $0 == "\t" ? " " : $0 }
        return String(String.UnicodeScalarView(joined)).visible
    }
}

/// A column whose fields all have the same width, counted in characters as a reader sees them.
private struct TextColumn {
    let width: Int
    let paddedHeading: String
    let paddedCells: [String]

    init(heading: String, cells: [String], alignment: Table.Alignment) {
        let aligned = alignment == .decimal ? Self.aligned(atPoint: cells) : cells
        let width = max(heading.count, aligned.map(\.count).max() ?? 0)
        func pad(_ text: String) -> String {
            let missing = width - text.count
            let left =
                switch alignment {
                case .left: 0
                case .center: missing / 2
                case .right, .decimal: missing
                }
            return String(repeating: " ", count: left) + text + String(repeating: " ", count: missing - left)
        }
        self.width = width
        paddedHeading = pad(heading)
        paddedCells = aligned.map(pad)
    }

    /// Fills up what follows the first point, so that right-aligned cells have their points below one another.
    private static func aligned(atPoint cells: [String]) -> [String] {
        func isNumber(_ cell: String) -> Bool {
            cell.utf8.first.map { $0.isDigit || $0 == UInt8(ascii: "-") } ?? false
        }
        func tail(_ cell: String) -> Int {
            guard isNumber(cell) else { return 0 }
            let end = cell.utf8.firstIndex { !($0.isDigit || ",-".utf8.contains($0)) } ?? cell.endIndex
            return cell.distance(from: end, to: cell.endIndex)
        }
        let longest = cells.map(tail).max() ?? 0
        return cells.map { cell in
            // Words and missing cells have no point: they end where the longest number ends.
            guard isNumber(cell) else { return cell }
            return cell + String(repeating: " ", count: longest - tail(cell))
        }
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }
}
