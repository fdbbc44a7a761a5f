/// Accuracy over speed for several methods: curves that are named where they end, what accuracy is asked for, which
/// setting each method runs at, and how far two of them are apart.
package struct TradeoffChart: Sendable, Hashable {
    /// One setting of a method.
    package struct Point: Sendable, Hashable {
        /// What the setting is called.
        package let name: String
        /// Tokens per forward.
        package let x: Double
        /// Accuracy in percent, with its interval, if it has one.
        package let y: Double
        package let error: ClosedRange<Double>?

        package init(_ name: String, x: Double, y: Double, error: ClosedRange<Double>? = nil) {
            self.name = name
            self.x = x
            self.y = y
            self.error = error
        }

        var isFinite: Bool {
            [x, y, error?.lowerBound ?? y, error?.upperBound ?? y].allSatisfy { $0.magnitude < 1e9 } && x >= 0
        }
    }

    /// One method.
    package struct Curve: Sendable, Hashable {
        /// What it is called.
        package let name: String
        /// Its settings, in the order in which they are joined; those that aren't finite aren't drawn.
        package let points: [Point]
        /// The setting that it runs at: it gets a ring.
        package let chosen: String?
        /// Whether it is one of many that are only there to be compared with: grey, without a name.
        package let isBackground: Bool

        package init(_ name: String, points: [Point], chosen: String? = nil, isBackground: Bool = false) {
            self.name = name
            self.points = points
            self.chosen = chosen
            self.isBackground = isBackground
        }
    }

    /// How many times as fast the first curve is as another, at one accuracy.
    package struct Comparison: Sendable, Hashable {
        /// The other's name.
        package let name: String
        /// The accuracy, and the tokens per forward of the other and of the first curve there.
        package let accuracy: Double
        package let slow: Double
        package let fast: Double

        package init(_ name: String, accuracy: Double, slow: Double, fast: Double) {
            self.name = name
            self.accuracy = accuracy
            self.slow = slow
            self.fast = fast
        }
    }

    /// What the chart shows, as a phrase.
    package var title: String
    /// Of what, below the title.
    package var subtitle = ""
    /// The curves; the first is the one that the chart is about, drawn last and thickest.
    package var curves: [Curve]
    /// The accuracy that an operating point has to reach, in percent.
    package var target: Double?
    /// The most tokens per forward that the task allows.
    package var limit: Double?
    /// What the first curve is compared with.
    package var comparison: Comparison?

    package init(title: String, curves: [Curve]) {
        self.title = title
        self.curves = curves
    }

    /// How far below the best the accuracies are shown: what is worse by more is of no use to anybody.
    static let usefulRange = 25.0

    /// What the chart says, for those who can't see it: each named curve's ends and operating point.
    package var summary: String {
        var parts = ["Accuracy in percent over tokens per forward, \(curves.count) methods."]
        if let target {
            parts.append("Operating points reach \(Self.number(target)) % on problems kept for choosing.")
        }
        for curve in curves where !curve.isBackground {
            let points = curve.points.filter(\.isFinite)
            guard let first = points.first, let last = points.last else { continue }
            var text = "\(curve.name): from \(Self.number(first.y)) % at \(Self.speed(first.x))"
            text =
                points.count > 1
                ? text + " to \(Self.number(last.y)) % at \(Self.speed(last.x))"
                : "\(curve.name): \(Self.number(first.y)) % at \(Self.speed(first.x))"
            if let point = points.first(where: { $0.name == curve.chosen }), points.count > 1 {
                text += ", operating point \(Self.speed(point.x))"
            }
            parts.append(text + ".")
        }
        if let comparison { parts.append(Self.sentence(comparison, of: curves.first?.name ?? "") + ".") }
        return parts.joined(separator: " ")
    }

    static func sentence(_ comparison: Comparison, of name: String) -> String {
        "At \(number(comparison.accuracy)) % \(name) has \(ratio(comparison)) times the speed of \(comparison.name)"
    }

    static func ratio(_ comparison: Comparison) -> String {
        FixedPoint.text(comparison.fast / comparison.slow, digits: 1)
    }

    /// "97", "97.5".
    package static func number(_ value: Double) -> String {
        FixedPoint.text(
            value, digits: value == value.rounded() ? 0 : value * 10 == (value * 10).rounded() ? 1 : 2)
    }

    static func speed(_ value: Double) -> String { FixedPoint.text(value, digits: 2) }

    /// All points as a table for spreadsheets.
    package var csv: String {
        var table = Table(
            columns: ["Method", "Setting", "TPF", "Accuracy (%)", "lower", "upper", "Operating point"].map {
                .init($0)
            })
        for curve in curves {
            for point in curve.points where point.isFinite {
                table.append([
                    .text(curve.name), .text(point.name), .text("\(point.x)"), .text("\(point.y)"),
                    .text(point.error.map { "\($0.lowerBound)" } ?? ""),
                    .text(point.error.map { "\($0.upperBound)" } ?? ""),
                    .text(point.name == curve.chosen ? "yes" : ""),
                ])
            }
        }
        return CSVTableRenderer().render(table)
    }
}

/// Draws a ``TradeoffChart`` as an SVG file: wide, with names beside the curves, or narrow enough for a telephone, with the
/// names below.
package struct TradeoffRenderer: Sendable {
    private let chart: TradeoffChart
    private let place: FigureStyle.Place
    private let width: Double
    private let isNarrow: Bool
    private let left = 46.0
    private let right: Double
    private let top: Double
    private let bottom: Double
    private let xTicks: Ticks
    private let yTicks: Ticks
    private let heading: [(line: String, isTitle: Bool)]

    /// - Parameter width: In pixels; below 560 the names stand below the curves.
    package init(_ chart: TradeoffChart, width: Int = 830, place: FigureStyle.Place = .file) {
        precondition(width >= 300, "room for axes: at least 300 pixels")
        self.chart = chart
        self.place = place
        self.width = Double(width)
        isNarrow = width < 560
        let points = chart.curves.flatMap(\.points).filter(\.isFinite)
        let best = points.map(\.y).max() ?? 100
        let lowest = max(points.map(\.y).min() ?? 0, best - TradeoffChart.usefulRange)
        // Wherever the ticks end: no accuracy is above 100.
        let marks = Ticks(spanning: [lowest, max(best, lowest + 1)], count: isNarrow ? 4 : 5)
        yTicks = Ticks(
            values: best <= 100 ? marks.values.filter { $0 <= 100 } : marks.values, digits: marks.digits,
            scale: .linear)
        let fastest = points.map(\.x).max() ?? 1
        let limit = chart.limit.flatMap { $0 <= 1.3 * fastest ? $0 : nil }
        xTicks = Ticks(spanning: [0, fastest] + (limit.map { [$0] } ?? []), count: isNarrow ? 5 : 8)
        let room = self.width - 16
        heading =
            FigureStyle.wrapped(chart.title, width: room, size: 15, isBold: true).map { ($0, true) }
            + FigureStyle.wrapped(chart.subtitle, width: room).map { ($0, false) }
        top = 24 + 18 * Double(heading.count) + 26
        bottom = top + (isNarrow ? 280 : 340)
        let longest = chart.curves.filter { !$0.isBackground }.map { FigureStyle.width($0.name, size: 13) }
            .max()
        right = self.width - (isNarrow ? 14 : min(24 + (longest ?? 0), 190))
    }

    private func x(_ value: Double) -> Double { left + xTicks.share(of: value) * (right - left) }

    /// There is room above the best for names.
    private func y(_ value: Double) -> Double { bottom - yTicks.share(of: value) * (bottom - top - 20) }

    private var lowest: Double { yTicks.range.lowerBound }

    /// Named curves in the order of their colours; those in the background have none.
    private var colours: [Int?] {
        var next = -1
        return chart.curves.map { curve in
            if curve.isBackground { return nil }
            next += 1
            return next
        }
    }

    /// The SVG.
    package var svg: String {
        var lines: [String] = []
        for (index, part) in heading.enumerated() {
            lines.append(
                FigureStyle.text(
                    part.line, x: 8, y: 24 + 18 * Double(index), size: part.isTitle ? 15 : 12,
                    style: part.isTitle ? "f-ink" : "f-soft", isBold: part.isTitle))
        }
        lines += axes
        // What the figure is about is drawn last, over the others.
        let order = chart.curves.indices.reversed().sorted {
            (chart.curves[$0].isBackground ? 0 : 1) < (chart.curves[$1].isBackground ? 0 : 1)
        }
        for index in order { lines.append(curve(index)) }
        let (names, spots) = labels
        lines += names
        let (below, height) = footer(named: spots)
        let isEmpty = chart.curves.allSatisfy { curve in !curve.points.contains { $0.isFinite } }
        if isEmpty {
            lines.append(
                FigureStyle.text("no data", x: (left + right) / 2, y: (top + bottom) / 2, anchor: "middle"))
        }
        return FigureStyle.image(
            width: width, height: height, title: chart.title, summary: chart.summary, place: place,
            lines + below)
    }

    /// Where the room for remarks ends: the limit of the task is a line of its own.
    private var edge: Double {
        chart.limit.flatMap { xTicks.range.contains($0) ? min(x($0), right) : nil } ?? right
    }

    private var axes: [String] {
        var lines: [String] = []
        for value in xTicks.values {
            lines.append(FigureStyle.line(x(value), top, x(value), bottom, "f-grid"))
            lines.append(
                FigureStyle.text(
                    xTicks.label(value), x: x(value), y: bottom + 18, anchor: "middle", style: "f-soft"))
        }
        for value in yTicks.values {
            lines.append(FigureStyle.line(left, y(value), right, y(value), "f-grid"))
            lines.append(
                FigureStyle.text(
                    yTicks.label(value), x: left - 8, y: y(value) + 4, anchor: "end", style: "f-soft"))
        }
        lines.append(FigureStyle.line(left, bottom, right, bottom, "f-axis"))
        lines.append(FigureStyle.line(left, top, left, bottom, "f-axis"))
        lines.append(FigureStyle.text("accuracy (%)", x: 8, y: top - 8))
        lines.append(
            FigureStyle.text("tokens per forward (TPF)", x: right, y: bottom + 38, anchor: "end"))
        if let target = chart.target, yTicks.range.contains(target) {
            lines.append(
                FigureStyle.line(left, y(target), right, y(target), "f-level", width: 1.25, dashes: "6 4"))
            let text = "target \(TradeoffChart.number(target)) %"
            lines.append(FigureStyle.text(text, x: edge - 4, y: y(target) - 5, anchor: "end"))
        }
        if let limit = chart.limit, xTicks.range.contains(limit) {
            lines.append(FigureStyle.line(x(limit), top, x(limit), bottom, "f-level", dashes: "2 3"))
            lines.append(
                FigureStyle.text(
                    "limit of the task \(TradeoffChart.number(limit))", x: edge, y: top - 8,
                    anchor: "end"))
        }
        return lines
    }

    /// Lines, intervals, marks, the ring around the operating point; each mark says what it is when it is pointed at.
    private func curve(_ index: Int) -> String {
        let curve = chart.curves[index]
        let colour = colours[index]
        let points = curve.points.filter(\.isFinite)
        let isFirst = index == 0
        var lines = ["<g class=\"f-curve \(FigureStyle.colour(colour))\">"]
        for line in visible(points) where line.count > 1 {
            let corners = line.map { "\(SVG.number($0.x)),\(SVG.number($0.y))" }.joined(separator: " ")
            lines.append(
                "<polyline points=\"\(corners)\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"\(isFirst ? "3" : colour == nil ? "1" : "1.75")\" stroke-linejoin=\"round\"\(colour == nil ? " stroke-opacity=\"0.55\"" : "")/>"
            )
        }
        for point in points where point.y >= lowest {
            lines.append("<g class=\"f-point\"><title>\(SVG.escaped(words(curve, point)))</title>")
            if colour != nil, let error = point.error {
                lines.append(
                    "<line x1=\"\(SVG.number(x(point.x)))\" y1=\"\(SVG.number(y(max(lowest, error.lowerBound))))\" x2=\"\(SVG.number(x(point.x)))\" "
                        + "y2=\"\(SVG.number(y(min(error.upperBound, yTicks.range.upperBound))))\" stroke=\"currentColor\" stroke-opacity=\"0.4\"/>"
                )
            }
            lines.append(
                FigureStyle.mark(colour, x: x(point.x), y: y(point.y), scale: isFirst ? 1 : 0.85))
            if colour != nil, point.name == curve.chosen {
                lines.append(
                    FigureStyle.circle(
                        x(point.x), y(point.y), radius: 9,
                        "fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.75\""))
            }
            lines.append("</g>")
        }
        return (lines + ["</g>"]).joined(separator: "\n")
    }

    private func words(_ curve: TradeoffChart.Curve, _ point: TradeoffChart.Point) -> String {
        let name = point.name == curve.name ? curve.name : "\(curve.name), \(point.name)"
        let interval =
            point.error.map {
                " [\(FixedPoint.text($0.lowerBound, digits: 1)), \(FixedPoint.text($0.upperBound, digits: 1))]"
            } ?? ""
        return
            "\(name): \(TradeoffChart.speed(point.x)) tokens per forward at \(TradeoffChart.number(point.y)) %\(interval)"
            + (point.name == curve.chosen ? "; its operating point" : "")
    }

    /// The parts of a curve that lie in the useful range, in pixels.
    private func visible(_ points: [TradeoffChart.Point]) -> [[(x: Double, y: Double)]] {
        var parts: [[(x: Double, y: Double)]] = []
        var part: [(x: Double, y: Double)] = []
        var last: TradeoffChart.Point?
        for point in points {
            let isIn = point.y >= lowest
            if let last, (last.y >= lowest) != isIn {
                let share = (lowest - last.y) / (point.y - last.y)
                part.append((x(last.x + share * (point.x - last.x)), y(lowest)))
            }
            if isIn { part.append((x(point.x), y(point.y))) }
            if !isIn, !part.isEmpty {
                parts.append(part)
                part = []
            }
            last = point
        }
        return parts + (part.isEmpty ? [] : [part])
    }

    /// The names beside the curves, and which curves have one.
    private var labels: (lines: [String], named: Set<Int>) {
        let named = chart.curves.indices.filter { !chart.curves[$0].isBackground }
        var placer = LabelPlacer(area: .init(x: left + 2...width - 4, y: top - 4...bottom - 2))
        for curve in chart.curves {
            for part in visible(curve.points.filter(\.isFinite)) { placer.avoid(part) }
        }
        for curve in chart.curves where !curve.isBackground {
            for point in curve.points where point.isFinite && point.y >= lowest {
                let reach = point.name == curve.chosen ? 8.0 : 3
                placer.avoid(
                    .init(
                        x: x(point.x) - reach...x(point.x) + reach, y: y(point.y) - reach...y(point.y) + reach
                    ))
            }
        }
        if let target = chart.target {
            placer.avoid(.init(x: edge - 84...edge, y: y(target) - 18...y(target) + 3))
            placer.avoid([(left, y(target)), (right, y(target))])
        }
        if chart.limit != nil { placer.avoid([(edge, top), (edge, bottom)]) }
        var lines: [String] = []
        var found: Set<Int> = []
        lines += comparison(&placer)
        for index in named where !isNarrow || index == 0 {
            let curve = chart.curves[index]
            let ends = visible(curve.points.filter(\.isFinite)).last ?? []
            let isBold = index == 0
            let size = 13
            guard
                let spot = placer.place(
                    width: FigureStyle.width(curve.name, size: size, isBold: isBold), size: Double(size),
                    beside: ends.reversed())
            else { continue }
            found.insert(index)
            lines.append(
                "<g class=\"\(FigureStyle.colour(colours[index]))\">"
                    + FigureStyle.text(
                        curve.name, x: spot.x, y: spot.y, anchor: spot.anchor, size: size,
                        style: "currentColor", isBold: isBold) + "</g>")
        }
        return (lines, found)
    }

    private var isComparable: Bool {
        guard let comparison = chart.comparison else { return false }
        return yTicks.range.contains(comparison.accuracy) && xTicks.range.contains(comparison.slow)
            && xTicks.range.contains(comparison.fast) && comparison.fast > comparison.slow
            && comparison.slow > 0
    }

    /// An arrow from the other's curve to the first one's, at one accuracy, with what it says where it hides least.
    private func comparison(_ placer: inout LabelPlacer) -> [String] {
        guard let comparison = chart.comparison, isComparable else { return [] }
        let (from, to, level) = (x(comparison.slow), x(comparison.fast), y(comparison.accuracy))
        let ratio = TradeoffChart.ratio(comparison)
        let text =
            isNarrow
            ? "\(ratio)× \(comparison.name)"
            : "\(ratio) × the TPF of \(comparison.name) at \(TradeoffChart.number(comparison.accuracy)) %"
        let width = FigureStyle.width(text)
        let starts = stride(from: from + 8, through: max(from + 8, to - width - 8), by: 6)
        let spots = starts.enumerated().flatMap { step, start in
            [(-6.0, 0), (16, 3)].map { shift, dislike in
                (LabelPlacer.Spot(x: start, y: level + shift, anchor: "start"), dislike + step / 8)
            }
        }
        var lines = [
            FigureStyle.line(from, level - 5, from, level + 5, "f-level", width: 1.5),
            FigureStyle.line(from, level, to - 2, level, "f-level", width: 1.5),
            "<path d=\"M\(SVG.number(to - 9)) \(SVG.number(level - 4))L\(SVG.number(to - 1)) \(SVG.number(level))L\(SVG.number(to - 9)) \(SVG.number(level + 4))\" class=\"f-level\" fill=\"none\" stroke-width=\"1.5\"/>",
        ]
        if let spot = placer.place(width: width, size: 12, spots) {
            lines.append(
                "<text x=\"\(SVG.number(spot.x))\" y=\"\(SVG.number(spot.y))\" class=\"f-ink f-halo\" stroke-width=\"4\" stroke-linejoin=\"round\" paint-order=\"stroke\">\(SVG.escaped(text))</text>"
            )
        }
        placer.avoid([(from, level), (to, level)])
        return lines
    }

    /// Names of the curves that have none beside them, and what ring, bars and grey lines are.
    private func footer(named: Set<Int>) -> (lines: [String], height: Double) {
        var lines: [String] = []
        var line = bottom + 62
        let left = 8.0
        let room = width - left - 8
        let unnamed = chart.curves.indices.filter {
            !chart.curves[$0].isBackground && (isNarrow || !named.contains($0))
        }
        let column = isNarrow ? room / 2 : room / 4
        var start = left
        for index in unnamed {
            let name = chart.curves[index].name
            let needed = 24 + FigureStyle.width(name)
            if start > left, start + needed > width - 8 {
                start = left
                line += 20
            }
            lines.append(
                "<g class=\"\(FigureStyle.colour(colours[index]))\">"
                    + FigureStyle.mark(colours[index], x: start + 8, y: line - 4) + "</g>"
                    + FigureStyle.text(name, x: start + 20, y: line, isBold: index == 0))
            start += column * max(1, (needed / column).rounded(.up))
            if start > width - 8 - column / 2 {
                start = left
                line += 20
            }
        }
        if start > left { line += 20 }
        for text in notes {
            for part in FigureStyle.wrapped(text, width: room) {
                lines.append(FigureStyle.text(part, x: left, y: line, style: "f-soft"))
                line += 17
            }
        }
        return (lines, line)
    }

    private var notes: [String] {
        var notes: [String] = []
        let points = chart.curves.filter { !$0.isBackground }.flatMap(\.points)
        var marks: [String] = []
        if chart.curves.contains(where: { curve in
            !curve.isBackground && curve.points.contains { $0.name == curve.chosen }
        }) {
            marks.append(
                "Ring: operating point, the fastest setting that reaches the target on problems kept for choosing."
            )
        }
        if points.contains(where: { $0.error != nil }) { marks.append("Bars: 95 % intervals over problems.") }
        if !marks.isEmpty { notes.append(marks.joined(separator: " ")) }
        let grey = chart.curves.filter(\.isBackground).map(\.name)
        if !grey.isEmpty { notes.append("Grey: \(grey.joined(separator: ", ")).") }
        if chart.curves.contains(where: { $0.points.contains { $0.isFinite && $0.y < lowest } }) {
            notes.append("Settings below \(TradeoffChart.number(lowest)) % aren't shown; the table has them.")
        }
        return notes
    }
}
