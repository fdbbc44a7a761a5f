internal import Base

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Rows of one value each with the repeats behind it, in the manner of a forest plot: what was measured each time, what it
/// amounts to, and the same as text beside it.
package struct ForestChart: Sendable, Hashable {
    /// What the values are, which decides how the axis is spread and what it can't show.
    package enum Kind: Sendable, Hashable {
        /// Never below zero, such as AUP or speeds.
        case positive
        /// Percent of a whole: 0 to 100.
        case share
        /// Percent more or less than something else, never below -100; twice as much is as far from nothing as half as much.
        case ratio
        /// Any number.
        case difference
    }

    /// One row.
    package struct Row: Sendable, Hashable {
        /// What stands beside the row.
        package let name: String
        /// The mean, and its interval; ends may be infinite.
        package let value: Double
        package let interval: ClosedRange<Double>?
        /// What was measured in each repeat.
        package let values: [Double]
        /// What was claimed before the run, in words such as "> +18.0 %", and what came of it.
        package let claim: String?
        package let verdict: String?

        package init(
            _ name: String, value: Double, interval: ClosedRange<Double>? = nil, values: [Double] = [],
            claim: String? = nil, verdict: String? = nil
        ) {
            self.name = name
            self.value = value
            self.interval = interval
            self.values = values
            self.claim = claim
            self.verdict = verdict
        }
    }

    /// What the chart shows, as a phrase.
    package var title: String
    /// Of what, below the title.
    package var subtitle = ""
    /// What the axis shows, with its unit.
    package var axisTitle: String
    package var kind: Kind
    /// How many digits after the point the text beside a row has.
    package var digits: Int
    /// The rows, from top to bottom; those that aren't finite aren't drawn.
    package var rows: [Row]

    package init(title: String, axisTitle: String, kind: Kind, digits: Int = 0, rows: [Row]) {
        self.title = title
        self.axisTitle = axisTitle
        self.kind = kind
        self.digits = digits
        self.rows = rows
    }

    /// So many repeats say little of their spread: what each of them gave is drawn, and the span of all.
    static let fewRepeats = 5

    /// The interval as far as there are such values.
    func possible(_ interval: ClosedRange<Double>) -> ClosedRange<Double> {
        let (low, high): (Double, Double) =
            switch kind {
            case .positive: (0, .infinity)
            case .share: (0, 100)
            case .ratio: (-100, .infinity)
            case .difference: (-.infinity, .infinity)
            }
        let start = min(max(interval.lowerBound, low), high)
        return start...max(start, min(interval.upperBound, high))
    }

    /// What a row's bar spans: its interval where that is what is judged or where there are repeats enough, else the repeats.
    func span(_ row: Row) -> ClosedRange<Double>? {
        if let low = row.values.min(), let high = row.values.max(), row.values.count <= Self.fewRepeats,
            row.verdict == nil, row.values.count > 1
        {
            return low...high
        }
        return row.interval.map(possible)
    }

    /// The bounds that were claimed: "> +18.0 %" has one, "within 3.0 %" two.
    func bounds(_ row: Row) -> [Double] {
        guard let words = row.claim?.byteText.words.map(\.text),
            let bound = words.lazy.compactMap(Double.init).first, bound.isFinite
        else { return [] }
        return words.first == "within" ? [-bound, bound] : [bound]
    }

    /// "+4.7 % [+1.0, +8.5]".
    func text(_ row: Row) -> String {
        let isSigned = kind == .ratio || kind == .difference
        func number(_ value: Double) -> String {
            guard value.isFinite else { return value < 0 ? "−∞" : "∞" }
            let text = FixedPoint.text(value, digits: value.magnitude < 99.95 ? digits : 0)
            let sign =
                isSigned && value > 0 && text.utf8.contains { UInt8(ascii: "1")...UInt8(ascii: "9") ~= $0 }
            return (sign ? "+" : "") + text.byteText.replacing("-", with: "−").text
        }
        let unit = kind == .ratio || kind == .share ? " %" : ""
        return number(row.value) + unit
            + (span(row).map { " [\(number($0.lowerBound)), \(number($0.upperBound))]" } ?? "")
    }

    /// The same in sentences, for those who can't see it.
    package var summary: String {
        rows.map { row in
            "\(row.name): \(text(row))" + (row.claim.map { ", claimed \($0)" } ?? "")
                + (row.verdict.map { ", \($0)" } ?? "") + "."
        }.joined(separator: " ")
    }

    /// All rows as a table for spreadsheets.
    package var csv: String {
        var table = Table(
            columns: ["Name", "Value", "lower", "upper", "Of each", "Claimed", "Verdict"].map { .init($0) })
        for row in rows {
            table.append([
                .text(row.name), .text("\(row.value)"), .text(row.interval.map { "\($0.lowerBound)" } ?? ""),
                .text(row.interval.map { "\($0.upperBound)" } ?? ""),
                .text(row.values.map { "\($0)" }.joined(separator: " / ")), .text(row.claim ?? ""),
                .text(row.verdict ?? ""),
            ])
        }
        return CSVTableRenderer().render(table)
    }
}

/// Draws a ``ForestChart`` as an SVG file; in a narrow one names and numbers stand above their rows.
package struct ForestRenderer: Sendable {
    private let chart: ForestChart
    private let place: FigureStyle.Place
    private let width: Double
    private let isNarrow: Bool
    private let left: Double
    private let right: Double
    private let rows: [ForestChart.Row]
    private let marks: [Double]
    private let range: ClosedRange<Double>
    private let digits: Int

    /// - Parameter width: In pixels; below 560 names stand above their rows.
    package init(_ chart: ForestChart, width: Int = 830, place: FigureStyle.Place = .file) {
        precondition(width >= 300, "room for an axis: at least 300 pixels")
        self.chart = chart
        self.place = place
        self.width = Double(width)
        isNarrow = width < 560
        let rows = chart.rows.filter { ([$0.value] + $0.values).allSatisfy { $0.magnitude < 1e9 } }
        self.rows = rows
        left = isNarrow ? 26 : min(310, 24 + (rows.map { FigureStyle.width($0.name) }.max() ?? 60))
        right = isNarrow ? self.width - 26 : self.width - 180
        // Intervals may go far beyond what was measured: they are cut where the values end, with an arrow.
        let measured = rows.flatMap { [$0.value] + $0.values }
        let ends = rows.compactMap(chart.span).flatMap { [$0.lowerBound, $0.upperBound] }.filter(\.isFinite)
        switch chart.kind {
        case .positive, .share:
            let ticks = Ticks(spanning: [0] + measured + ends, count: 6)
            let values = chart.kind == .share ? ticks.values.filter { $0 <= 100 } : ticks.values
            (marks, digits) = (values, ticks.digits)
            range = values[0]...max(values[values.count - 1], values[0] + 1)
        case .difference:
            let low = min(0, measured.min() ?? 0)
            let high = max(0, measured.max() ?? 1)
            let reach = max(high - low, 1e-9)
            let ticks = Ticks(
                spanning: [low, high] + ends.filter { (low - reach...high + reach).contains($0) })
            (marks, digits, range) = (ticks.values, ticks.digits, ticks.range)
        case .ratio:
            // As far beyond what was measured as that is wide, as ratios; a fifth at least.
            let logarithms = measured.map { log(1 + max($0, -90) / 100) }
            let (least, most) = (min(0, logarithms.min() ?? 0), max(0, logarithms.max() ?? 0))
            let reach = max(most - least, log(1.2))
            let shown =
                measured
                + ends.filter { $0 > -100 && (least - reach...most + reach).contains(log(1 + $0 / 100)) }
            let all = [-90.0, -75, -50, -20, -10, 0, 10, 20, 50, 100, 200, 400, 900, 1900, 4900, 9900]
            let low = all.last { $0 <= (shown.min() ?? 0) } ?? -90
            let high = all.first { $0 >= (shown.max() ?? 0) } ?? 9900
            let (from, to) = (min(low, -10), max(high, 20))
            range = from...to
            (marks, digits) = (all.filter { $0 >= from && $0 <= to }, 0)
        }
    }

    private func share(_ value: Double) -> Double {
        let value = min(max(value, range.lowerBound), range.upperBound)
        guard chart.kind == .ratio else {
            return (value - range.lowerBound) / (range.upperBound - range.lowerBound)
        }
        func position(_ percent: Double) -> Double { log(1 + percent / 100) }
        return (position(value) - position(range.lowerBound))
            / (position(range.upperBound) - position(range.lowerBound))
    }

    private func x(_ value: Double) -> Double { left + share(value) * (right - left) }

    /// The SVG.
    package var svg: String {
        var lines: [String] = []
        var y = 24.0
        let room = width - 16
        for line in FigureStyle.wrapped(chart.title, width: room, size: 15, isBold: true) {
            lines.append(FigureStyle.text(line, x: 8, y: y, size: 15, isBold: true))
            y += 18
        }
        for line in FigureStyle.wrapped(chart.subtitle, width: room) {
            lines.append(FigureStyle.text(line, x: 8, y: y, style: "f-soft"))
            y += 17
        }
        let top = y + 4
        let heights = rows.map { row in
            let lines = Double(nameLines(row).count)
            return isNarrow ? (isBeside(row) ? 28 : 43) + 15 * lines : max(26, 8 + 16 * lines)
        }
        let bottom = top + max(30, heights.reduce(0, +))
        lines += axis(top: top, bottom: bottom)
        var start = top
        for (row, height) in zip(rows, heights) {
            lines += draw(row, from: start, height: height)
            start += height
        }
        if rows.isEmpty {
            lines.append(FigureStyle.text("no data", x: (left + right) / 2, y: top + 20, anchor: "middle"))
        }
        var end = bottom + 42
        for part in FigureStyle.wrapped(chart.axisTitle, width: isNarrow ? room : right + 170 - left) {
            lines.append(FigureStyle.text(part, x: isNarrow ? 8 : left, y: end))
            end += 17
        }
        end -= 11
        for note in notes {
            for part in FigureStyle.wrapped(note, width: room) {
                end += 17
                lines.append(FigureStyle.text(part, x: 8, y: end, style: "f-soft"))
            }
        }
        return FigureStyle.image(
            width: width, height: end + 12, title: chart.title, summary: chart.summary, place: place, lines)
    }

    private func nameLines(_ row: ForestChart.Row) -> [String] {
        FigureStyle.wrapped(row.name, width: isNarrow ? width - 24 : left - 16)
    }

    private func axis(top: Double, bottom: Double) -> [String] {
        var lines: [String] = []
        var named: [ClosedRange<Double>] = []
        // Nothing and the ends are named first, then whatever has room.
        let order = [0, range.lowerBound, range.upperBound].filter(marks.contains) + marks
        for value in order.reduce(into: [Double](), { if !$0.contains($1) { $0.append($1) } }) {
            lines.append(FigureStyle.line(x(value), top, x(value), bottom, "f-grid"))
            let sign = (chart.kind == .ratio || chart.kind == .difference) && value > 0 ? "+" : ""
            let label = sign + FixedPoint.text(value, digits: digits).byteText.replacing("-", with: "−").text
            let half = FigureStyle.width(label) / 2 + 3
            let room = x(value) - half...x(value) + half
            guard !named.contains(where: room.overlaps) else { continue }
            named.append(room)
            lines.append(
                FigureStyle.text(label, x: x(value), y: bottom + 18, anchor: "middle", style: "f-soft"))
        }
        lines.append(FigureStyle.line(left, bottom, right, bottom, "f-axis"))
        if range.contains(0), chart.kind == .ratio || chart.kind == .difference {
            lines.append(FigureStyle.line(x(0), top, x(0), bottom, "f-level", dashes: "4 3"))
        }
        return lines
    }

    private func draw(_ row: ForestChart.Row, from start: Double, height: Double) -> [String] {
        let names = nameLines(row)
        let y = isNarrow ? start + height - 13 : start + height / 2
        var lines: [String] = []
        for (index, name) in names.enumerated() {
            lines.append(
                isNarrow
                    ? FigureStyle.text(name, x: 8, y: start + 15 + 15 * Double(index))
                    : FigureStyle.text(
                        name, x: left - 10, y: y + 4 + 16 * (Double(index) - Double(names.count - 1) / 2),
                        anchor: "end"))
        }
        lines.append(
            "<g class=\"f-point \(FigureStyle.colour(colour(row)))\"><title>\(SVG.escaped(words(row)))</title>"
        )
        if let span = chart.span(row) {
            lines.append(
                FigureStyle.line(x(span.lowerBound), y, x(span.upperBound), y, "currentColor", width: 2))
            for (end, isLow) in [(span.lowerBound, true), (span.upperBound, false)] {
                let isCut = isLow ? end < range.lowerBound : end > range.upperBound
                let tip = x(end)
                let back = isLow ? tip + 6 : tip - 6
                lines.append(
                    isCut
                        ? "<path d=\"M\(SVG.number(back)) \(SVG.number(y - 4))L\(SVG.number(tip)) \(SVG.number(y))L\(SVG.number(back)) \(SVG.number(y + 4))\" stroke=\"currentColor\" stroke-width=\"2\" fill=\"none\"/>"
                        : FigureStyle.line(tip, y - 4, tip, y + 4, "currentColor", width: 2))
            }
        }
        for bound in chart.bounds(row) where bound != 0 && range.contains(bound) {
            lines.append(
                FigureStyle.line(x(bound), y - 9, x(bound), y + 9, "f-level", width: 1.5, dashes: "2 2"))
        }
        for value in row.values {
            lines.append(
                FigureStyle.circle(
                    x(value), y, radius: 3.2,
                    "class=\"f-paper\" stroke=\"currentColor\" stroke-width=\"1.25\""))
        }
        lines.append(FigureStyle.mark(3, x: x(row.value), y: y))
        lines.append("</g>")
        let text = chart.text(row) + verdict(row)
        lines.append(
            isNarrow
                ? FigureStyle.text(
                    text, x: width - 8,
                    y: start + 15 + 15 * Double(isBeside(row) ? names.count - 1 : names.count), anchor: "end")
                : FigureStyle.text(text, x: right + 12, y: y + 4))
        return lines
    }

    /// Whether the numbers have room in the last line of the name.
    private func isBeside(_ row: ForestChart.Row) -> Bool {
        FigureStyle.width((nameLines(row).last ?? "") + chart.text(row) + verdict(row)) < width - 40
    }

    private func verdict(_ row: ForestChart.Row) -> String {
        switch row.verdict {
        case "holds": " ✓"
        case "does not hold": " ✗"
        case "open", "within noise": " ?"
        default: ""
        }
    }

    /// Green, red and amber would say nothing to many: the sign beside the number says it, the colours go along.
    private func colour(_ row: ForestChart.Row) -> Int? {
        switch row.verdict {
        case "holds": 2
        case "does not hold": 0
        case nil: 1
        default: 4
        }
    }

    private func words(_ row: ForestChart.Row) -> String {
        "\(row.name): \(chart.text(row))" + (row.claim.map { "; claimed \($0)" } ?? "")
            + (row.verdict.map { "; \($0)" } ?? "")
            + (row.values.isEmpty
                ? ""
                : "; of each: "
                    + row.values.map { FixedPoint.text($0, digits: chart.digits) }.joined(separator: ", "))
    }

    private var notes: [String] {
        var notes: [String] = []
        let hasSpans = rows.contains { row in
            row.verdict == nil && (2...ForestChart.fewRepeats).contains(row.values.count)
        }
        let repeats = rows.contains { !$0.values.isEmpty } ? "circles: each repeat; " : ""
        notes.append(
            hasSpans
                ? "Diamond: mean; \(repeats)bar: from the smallest to the largest, since so few repeats say little of an interval."
                : "Diamond: mean; \(repeats)bar: 95 % interval, an arrow where it goes on.")
        if rows.contains(where: { $0.verdict != nil }) {
            let hasBounds = rows.contains { row in
                chart.bounds(row).contains { $0 != 0 && range.contains($0) }
            }
            notes.append(
                "✓ holds, ✗ does not hold, ? open: the interval has a part of what was claimed."
                    + (hasBounds ? " Short dashes: the bound that was claimed." : ""))
        }
        return notes
    }
}
