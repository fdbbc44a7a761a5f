internal import ArtifactStore
internal import Base
internal import Files
internal import JSON
internal import Recipes
internal import Reporting
internal import SystemPackage

/// A chart that is drawn from recorded tables, wide and narrow, in files beside the notebook.
///
/// What runs keep in their artifacts is plain and never changes; what people read may get better without running anything again.
struct RecordedChart {
    /// What the picture shows, as a phrase, and in sentences.
    let title: String
    let summary: String
    let wide: String
    let narrow: String

    /// Draws `sweep.csv` as curves, `table.csv` of repeats as their AUP, and `claims.csv` as effects.
    ///
    /// - Throws: `NotebookProblem`, or any error of reading.
    init(_ request: ChartRequest, _ reader: inout SourceReader) throws {
        let title = request.title
        let source = try reader.file(request.source)
        switch FilePath(foreign: source)?.lastComponent?.string.byteText {
        case "sweep.csv"?:
            let chart = try Self.curves(request, source, &reader)
            self.title = chart.title
            summary = chart.summary
            wide = TradeoffRenderer(chart).svg
            narrow = TradeoffRenderer(chart, width: 390).svg
        case "table.csv"?, "claims.csv"?:
            guard request.shown.isEmpty else {
                throw NotebookProblem.marker(
                    "Only curves (sweep.csv) can show some methods and leave others grey.")
            }
            let table = try reader.table(source)
            let chart =
                table.has("Claim")
                ? try Self.effects(table, title: title) : try Self.areas(table, title: title)
            self.title = chart.title
            summary = chart.summary
            wide = ForestRenderer(chart).svg
            narrow = ForestRenderer(chart, width: 390).svg
        default:
            throw NotebookProblem.marker(
                "A chart is drawn from sweep.csv, from table.csv of repeats or from claims.csv; this is \(request.source)."
            )
        }
    }

    // MARK: Curves

    private static func curves(
        _ request: ChartRequest, _ source: String, _ reader: inout SourceReader
    ) throws -> TradeoffChart {
        let sweep = try reader.table(source)
        let folder = FilePath(source).removingLastComponent()
        func sibling(_ name: String) -> String { folder.appending(name).string }
        let methods = try reader.table(sibling("table.csv"))
        let record = try reader.artifact(with: source)
        let names = sweep.column("Method").reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        let config = record?["recipe"]?["config"]
        let subject = request.shown.first ?? config?["subject"]?.string
        for name in request.shown where !names.contains(name) {
            throw NotebookProblem.marker(
                "\(request.source) has no method \"\(name)\". \(NearestName.hint(for: name, among: names, what: "Its methods") ?? "")"
                    .trimmed)
        }
        let first = subject.flatMap { names.contains($0) ? $0 : nil } ?? names.last
        var order = request.shown + names.filter { !request.shown.contains($0) }
        if let first { order = [first] + order.filter { $0 != first } }
        let curves = try order.map { name in
            let points = try sweep.rows(where: "Method", is: name).map { row in
                TradeoffChart.Point(
                    row["Setting"], x: try row.number("TPF"), y: try row.number("Accuracy (%)"),
                    error: try row.range("Accuracy (%)"))
            }
            return TradeoffChart.Curve(
                name,
                points: points.enumerated().sorted { ($0.element.x, $0.offset) < ($1.element.x, $1.offset) }
                    .map(\.element),
                chosen: methods.rows(where: "Method", is: name).first?["Setting"],
                isBackground: request.shown.isEmpty
                    ? order.count > FigureStyle.colours.count && name != first
                    : !request.shown.contains(name))
        }
        var chart = TradeoffChart(title: request.title ?? "Accuracy over tokens per forward", curves: curves)
        chart.target = record?["metrics"]?["target"]?.double
        chart.limit = record?["metrics"]?["taskLimit"]?.double
        let run = (try? reader.run(folder.string))?.experiment ?? record?["experiment"]?.string
        let seed = record?["recipe"]?["seed"]?.int.map { ", seed \($0)" } ?? ""
        chart.subtitle =
            "\(run.map { "\($0)\(seed); e" } ?? "E")very point is a setting of a method, up and to the right is better"
        if let first, let other = request.shown.dropFirst().first {
            chart.comparison = try comparison(of: first, with: other, in: methods)
        }
        return chart
    }

    /// How far the first two methods are apart at the lowest accuracy that the table has both speeds at.
    private static func comparison(
        of name: String, with other: String, in table: CSVFile
    ) throws -> TradeoffChart.Comparison? {
        guard let ours = table.rows(where: "Method", is: name).first,
            let theirs = table.rows(where: "Method", is: other).first
        else { return nil }
        let accuracies = table.headings.compactMap {
            $0.byteText.dropping(prefix: "TPF@").flatMap { Double($0.text) }
        }
        for accuracy in accuracies.sorted() {
            let heading = "TPF@\(TradeoffChart.number(accuracy))"
            guard let fast = Double(ours[heading]), let slow = Double(theirs[heading]),
                ours["\(heading) at least"].isEmpty, theirs["\(heading) at least"].isEmpty
            else { continue }
            return .init(other, accuracy: accuracy, slow: slow, fast: fast)
        }
        return nil
    }

    // MARK: Repeats

    private static func areas(_ table: CSVFile, title: String?) throws -> ForestChart {
        guard table.has("AUP of each") else {
            throw NotebookProblem.marker(
                "This table.csv isn't of repeats (it has no column \"AUP of each\"); draw its sweep.csv instead."
            )
        }
        let rows = try table.records.map { row in
            ForestChart.Row(
                row["Method"], value: try row.number("AUP"), interval: try row.range("AUP"),
                values: try row.list("AUP of each"))
        }
        var chart = ForestChart(
            title: title ?? "Accuracy under parallelism over repeats", axisTitle: "AUP", kind: .positive,
            rows: rows)
        chart.subtitle = "\(rows.first?.values.count ?? 0) repeats, each with models of its own"
        return chart
    }

    private static func effects(_ table: CSVFile, title: String?) throws -> ForestChart {
        let isRatio =
            table.has("Effect (%)") && table.column("Effect (%)").contains { !$0.isEmpty }
        let heading = isRatio ? "Effect (%)" : "Difference"
        let rows = try table.records.filter { row in
            !row[heading].isEmpty && (isRatio || row["Compared"].byteText.contains(".aup vs"))
        }.map { row in
            ForestChart.Row(
                row["Claim"], value: try row.number(heading), interval: try row.range(heading),
                values: try table.has("Of each") ? row.list("Of each") : [],
                claim: table.has("Claimed") ? row["Claimed"] : nil, verdict: row["Verdict"])
        }
        var chart = ForestChart(
            title: title ?? "Claimed effects",
            axisTitle: isRatio
                ? "percent more than what it is compared with, on a scale of ratios"
                : "AUP more than what it is compared with",
            kind: isRatio ? .ratio : .difference, digits: isRatio ? 1 : 0, rows: rows)
        let repeats = rows.map(\.values.count).max() ?? 0
        if repeats > 1 { chart.subtitle = "\(repeats) repeats, each with models of its own" }
        return chart
    }
}

/// What a marker of a chart asks for: `figures/curves.svg of results/sweep.csv showing d3LLM; Fast-dLLM "Title"`.
struct ChartRequest: Hashable {
    /// The file that is drawn, relative to the notebook; the narrow one is beside it.
    let file: String
    /// The table that it is drawn from.
    let source: String
    /// The methods that are named; the first is the one that the chart is about, the second what it is compared with.
    let shown: [String]
    let title: String?

    /// - Parameter text: What stands behind the word `chart`.
    init(_ text: String) throws(NotebookProblem) {
        var body = text
        var title: String?
        if let (before, after) = text.byteText.cut(at: "\"") {
            guard let words = after.dropping(suffix: "\""), !words.contains("\"") else {
                throw .marker("A chart has one title in quotes, at its end.")
            }
            (body, title) = (before.text.trimmed, words.text)
        }
        self.title = title
        let parts = body.byteText.split(" of ", maxSplits: 1).map(\.text.trimmed)
        guard parts.count == 2, let file = parts.first, let rest = parts.last else {
            throw .marker(
                "A chart is written as \"chart FILE of TABLE\", for example \"chart figures/curves.svg of results/sweep.csv\"."
            )
        }
        let sides = rest.byteText.split(" showing ", maxSplits: 1).map(\.text.trimmed)
        self.file = file
        source = sides[0]
        shown =
            sides.count == 2 ? sides[1].byteText.split(";").map(\.text.trimmed).filter { !$0.isEmpty } : []
        for name in [file, source] where name.unicodeScalars.contains(where: \.properties.isWhitespace) {
            throw .marker("A chart names files without spaces; this is \"\(name)\".")
        }
        guard file.byteText.hasSuffix(".svg") else {
            throw .marker("A chart is drawn into an SVG file; this is \(file).")
        }
        guard Set(shown.map(\.byteText)).count == shown.count, shown.count <= FigureStyle.colours.count else {
            throw .marker("A chart shows at most \(FigureStyle.colours.count) methods by name, each once.")
        }
    }

    /// The file of the narrow picture.
    var narrowFile: String { (file.byteText.dropping(suffix: ".svg")?.text ?? file) + "-narrow.svg" }
}

extension CSVFile {
    /// One row, by heading.
    struct Record {
        fileprivate let cells: [String]
        fileprivate let headings: [String]

        /// The cell under a heading; empty where there is no such column.
        subscript(_ heading: String) -> String {
            headings.firstIndex { $0.byteText == heading.byteText }.map { cells[$0] } ?? ""
        }

        func number(_ heading: String) throws(NotebookProblem) -> Double {
            guard let number = Double(self[heading]) else {
                throw .results("\"\(self[heading])\" under \"\(heading)\" is no number.")
            }
            return number
        }

        /// The interval of a measure, nil where it has none.
        func range(_ heading: String) throws(NotebookProblem) -> ClosedRange<Double>? {
            guard !self[heading + " lower"].isEmpty || !self[heading + " upper"].isEmpty else { return nil }
            let low = self[heading + " lower"].isEmpty ? -.infinity : try number(heading + " lower")
            let high = self[heading + " upper"].isEmpty ? .infinity : try number(heading + " upper")
            guard low <= high else {
                throw .results("The interval under \"\(heading)\" ends before it begins.")
            }
            return low...high
        }

        /// Numbers such as `1.5 / 2 / 3`, or `1.5, 1.7 / 2` where some belong together; a dash is none.
        func list(_ heading: String) throws(NotebookProblem) -> [Double] {
            var numbers: [Double] = []
            for text in self[heading].byteText.replacing(", ", with: " / ").split(" / ").map(\.text)
            where text != "—" && !text.isEmpty {
                guard let number = Double(text) else {
                    throw .results("\"\(text)\" under \"\(heading)\" is no number.")
                }
                numbers.append(number)
            }
            return numbers
        }
    }

    /// Whether there is a column under a heading.
    func has(_ heading: String) -> Bool { headings.contains { $0.byteText == heading.byteText } }

    /// All rows.
    var records: [Record] { rows.map { Record(cells: $0, headings: headings) } }

    /// The cells of a column, from top to bottom.
    func column(_ heading: String) -> [String] { records.map { $0[heading] } }

    func rows(where heading: String, is text: String) -> [Record] {
        records.filter { $0[heading].byteText == text.byteText }
    }
}
