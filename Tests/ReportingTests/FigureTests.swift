import Files
import SystemPackage
import TestSupport
import Testing

@testable import Reporting

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Figures for readers: what they say, and that what artifacts keep is drawn as before.
struct FigureTests {
    private static let recorded = Fixtures.path("").removingLastComponent().removingLastComponent()
        .appending("experiments/mini-table1/results/seed-1")

    /// The rows of a table without quotes, by heading.
    private static func rows(_ name: String) throws -> [[String: String]] {
        let lines = try FileSystem.readText(recorded.appending(name)).split(separator: "\n")
        let headings = lines[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        return lines.dropFirst().map { line in
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            return Dictionary(uniqueKeysWithValues: zip(headings, cells))
        }
    }

    private static func number(_ text: String?) throws -> Double { try #require(text.flatMap(Double.init)) }

    /// Fingerprints and digests stand on these bytes: whatever figures for readers get, the plain chart stays as it is.
    @Test func theChartOfAnArtifactHasTheBytesThatWereRecorded() throws {
        let rows = try Self.rows("sweep.csv")
        var names: [String] = []
        for row in rows { if let name = row["Method"], !names.contains(name) { names.append(name) } }
        let chart = LineChart(
            title: "Accuracy over tokens per forward", xTitle: "tokens per forward", yTitle: "accuracy (%)",
            series: try names.map { name in
                let points = try rows.filter { $0["Method"] == name }.map { row in
                    LineChart.Point(
                        x: try Self.number(row["TPF"]), y: try Self.number(row["Accuracy (%)"]),
                        error: try Self.number(
                            row["Accuracy (%) lower"])...Self.number(
                                row["Accuracy (%) upper"]))
                }
                return .init(name, points: points.sorted { $0.x < $1.x })
            })
        let kept = try FileSystem.readText(Self.recorded.appending("curves.svg"))
        #expect(SVGChartRenderer().render(chart) == kept)
    }

    private func chart() -> TradeoffChart {
        var chart = TradeoffChart(
            title: "Accuracy <over> speed",
            curves: [
                .init(
                    "ours",
                    points: [
                        .init("a", x: 5, y: 99, error: 97...99.8), .init("b", x: 9, y: 96, error: 93...98),
                        .init("c", x: 12, y: 60),
                    ], chosen: "a"),
                .init(
                    "theirs & co", points: [.init("a", x: 2, y: 99.5), .init("b", x: 3, y: 88)], chosen: "b"),
                .init(
                    "other", points: [.init("x", x: 4, y: 98), .init("nan", x: .nan, y: 1)],
                    isBackground: true),
                .init("once", points: [.init("once", x: 1, y: 100)]),
            ])
        chart.target = 97
        chart.limit = 14
        chart.comparison = .init("theirs & co", accuracy: 90, slow: 2.8, fast: 10)
        return chart
    }

    @Test(arguments: [830, 390]) func curvesShowTargetOperatingPointsAndComparison(width: Int) throws {
        let svg = TradeoffRenderer(chart(), width: width).svg
        #expect(svg.contains("target 97 %") && svg.contains("limit of the task 14"))
        #expect(svg.contains("3.6"))  // 10 over 2.8
        // One ring for each operating point of a named curve; "b" of the second is one, "a" of the first the other.
        #expect(svg.components(of: "r=\"9.00\"") == 2)
        #expect(svg.contains("ours, b: 9.00 tokens per forward at 96 % [93.0, 98.0]"))
        #expect(svg.contains("Grey: other."))
        #expect(svg.contains("Settings below \(width == 830 ? 75 : 70) % aren't shown"))
        #expect(svg.contains("Accuracy &lt;over&gt; speed") && svg.contains("theirs &amp; co"))
        #expect(!svg.contains("nan") && !svg.contains(">105<"))
        // The first curve is drawn after all others, so that none hides it.
        let groups = svg.split(separator: "\n").filter { $0.hasPrefix("<g class=\"f-curve ") }
        #expect(groups.first?.contains("f-km") == true && groups.last?.contains("f-k0") == true)
        #expect(svg.contains("prefers-color-scheme:dark"))
        #expect(!TradeoffRenderer(chart(), width: width, place: .page).svg.contains("<style>"))
    }

    @Test func theSummaryIsWhatThoseHearWhoCantSeeIt() {
        #expect(
            chart().summary
                == "Accuracy in percent over tokens per forward, 4 methods. Operating points reach 97 % on problems kept for choosing. "
                + "ours: from 99 % at 5.00 to 60 % at 12.00, operating point 5.00. theirs & co: from 99.5 % at 2.00 to 88 % at 3.00, operating point 3.00. "
                + "once: 100 % at 1.00. At 90 % ours has 3.6 times the speed of theirs & co."
        )
        #expect(chart().csv.contains("ours,b,9.0,96.0,93.0,98.0,\n"))
    }

    @Test func aChartWithoutPointsSaysSo() {
        let empty = TradeoffChart(title: "Nothing", curves: [.init("a", points: [])])
        #expect(TradeoffRenderer(empty).svg.contains("no data"))
        let rows = ForestChart(title: "Nothing", axisTitle: "AUP", kind: .positive, rows: [])
        #expect(ForestRenderer(rows).svg.contains("no data"))
    }

    /// Three seeds gave Student's interval from -18 to 1195 for areas of 306, 729 and 730.
    @Test func intervalsEndWhereThereAreNoSuchValues() {
        let row = ForestChart.Row("a", value: 588.4, interval: -18.3...1195.1, values: [306, 729, 730])
        let few = ForestChart(title: "AUP", axisTitle: "AUP", kind: .positive, rows: [row])
        #expect(few.span(row) == 306...730)
        #expect(few.text(row) == "588 [306, 730]")
        let many = ForestChart.Row(
            "a", value: 588.4, interval: -18.3...1195.1, values: [306, 729, 730, 4, 5, 6])
        #expect(few.span(many) == 0...1195.1)
        let share = ForestChart(title: "", axisTitle: "", kind: .share, rows: [])
        #expect(share.possible(93.1...101.7) == 93.1...100)
        let ratio = ForestChart(title: "", axisTitle: "", kind: .ratio, digits: 1, rows: [])
        #expect(ratio.possible(-130.0 ... .infinity) == -100.0 ... .infinity)
        // What a claim is judged by is its interval, however few repeats there are.
        let judged = ForestChart.Row(
            "b", value: 4.7, interval: 1.0...8.5, values: [4.3, 3.9], claim: "> +18.0 %",
            verdict: "does not hold")
        #expect(ratio.span(judged) == 1...8.5)
        #expect(ratio.text(judged) == "+4.7 % [+1.0, +8.5]")
        #expect(ratio.bounds(judged) == [18])
        #expect(ratio.bounds(.init("c", value: 0, claim: "within 3.0 %")) == [-3, 3])
        for width in [830, 390] {
            let svg = ForestRenderer(few, width: width).svg
            #expect(!svg.contains(">-") && !svg.contains(">−") && svg.contains(">800<"))
        }
    }

    @Test func intervalsThatGoOnHaveAnArrow() {
        let row = ForestChart.Row(
            "a", value: 10, interval: -50.0 ... .infinity, values: [5, 15], verdict: "open")
        let chart = ForestChart(title: "Effects", axisTitle: "percent", kind: .ratio, digits: 1, rows: [row])
        #expect(chart.text(row) == "+10.0 % [−50.0, ∞]")
        let svg = ForestRenderer(chart).svg
        #expect(svg.components(of: "<path") == 2 && svg.contains("] ?<"))
        #expect(!svg.contains("inf"))
    }

    @Test func coloursHaveTheContrastOfWCAG() {
        for (colours, ground) in [
            (FigureStyle.colours, FigureStyle.grounds.light),
            (FigureStyle.darkColours, FigureStyle.grounds.dark),
        ] {
            for colour in colours + ground[1...2] + ground[4...4] {
                #expect(Self.contrast(colour, ground[0]) >= 4.5, "\(colour) on \(ground[0])")
            }
        }
        // The usual example of a grey that fails.
        #expect(abs(Self.contrast("#777777", "#ffffff") - 4.48) < 0.01)
    }

    /// The contrast ratio of WCAG 2.1.
    private static func contrast(_ a: String, _ b: String) -> Double {
        func luminance(_ colour: String) -> Double {
            let value = UInt32(colour.dropFirst(), radix: 16) ?? 0
            let parts = [16, 8, 0].map { shift -> Double in
                let share = Double(value >> shift & 255) / 255
                return share <= 0.03928 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
            }
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
        }
        let (x, y) = (luminance(a) + 0.05, luminance(b) + 0.05)
        return max(x, y) / min(x, y)
    }

    @Test func marksAreDifferentWithoutColours() {
        let marks = (0..<16).map { FigureStyle.mark($0, x: 0, y: 0) }
        // Crosses have no hollow form.
        #expect(Set(marks).count == 16 - 2)
        #expect(Set(marks.prefix(8)).count == 8)
    }

    @Test func labelsKeepOffOneAnother() throws {
        var placer = LabelPlacer(area: .init(x: 0...200, y: 0...100))
        placer.avoid([(0, 50), (100, 50)])
        let spots = (0..<2).compactMap { _ in placer.place(width: 40, size: 12, beside: [(100, 50)]) }
        #expect(spots.count == 2)
        let boxes = spots.map { spot -> LabelPlacer.Box in
            let start = spot.anchor == "start" ? spot.x : spot.anchor == "end" ? spot.x - 40 : spot.x - 20
            return .init(x: start...start + 40, y: spot.y - 10...spot.y + 2)
        }
        for i in boxes.indices { for j in 0..<i { #expect(!boxes[i].overlaps(boxes[j])) } }
        #expect(placer.place(width: 300, size: 12, beside: [(100, 50)]) == nil)
    }
}

extension String {
    /// How often a text occurs.
    fileprivate func components(of text: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: text) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
