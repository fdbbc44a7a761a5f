/// The lines at the bottom of a terminal that are written over.
struct LiveArea: Sendable {
    /// The width of each line on the screen; the cursor stands behind the last.
    private var widths: [Int] = []

    package var isEmpty: Bool { widths.isEmpty }

    /// The text that takes the area away and leaves the cursor where it began.
    ///
    /// - Parameter columns: The terminal's width now: when it has become narrower, lines take more than one row.
    mutating func erase(columns: Int) -> String {
        guard !widths.isEmpty else { return "" }
        let rows = widths.reduce(0) { $0 + max(1, ($1 + columns - 1) / max(1, columns)) }
        widths = []
        return "\r" + (rows > 1 ? "\u{1B}[\(rows - 1)A" : "") + "\u{1B}[J"
    }

    /// The text that replaces the area by these lines.
    mutating func show(_ lines: [String], columns: Int) -> String {
        let text = erase(columns: columns) + lines.joined(separator: "\n")
        widths = lines.map(\.count)
        return text
    }
}
