/// A chart of any kind, before it is decided what it looks like.
public enum Chart: Sendable, Hashable {
    case lines(LineChart)
    case dots(DotChart)
    case bars(BarChart)
    case radar(RadarChart)

    /// What the chart shows, as a phrase.
    public var title: String {
        switch self {
        case .lines(let chart): chart.title
        case .dots(let chart): chart.title
        case .bars(let chart): chart.title
        case .radar(let chart): chart.title
        }
    }
}

/// How a chart is coloured.
public enum ChartTheme: Sendable, Hashable {
    /// Fixed colours on white. What experiments keep in their artifacts is drawn with it: its bytes never change.
    case plain
    /// Colours by style sheet, for light and dark surroundings, and a description for those who can't see it.
    case adaptive

    /// What is drawn.
    enum Ink: Hashable {
        case paper
        case text
        case line
        case grid
        case series(Int)
    }

    /// The attribute that paints a line.
    func stroke(_ ink: Ink) -> String { attribute("stroke", ink, prefix: "s") }

    /// The attribute that paints a surface or text.
    func fill(_ ink: Ink) -> String { attribute("fill", ink, prefix: "f") }

    private func attribute(_ name: String, _ ink: Ink, prefix: String) -> String {
        guard self == .adaptive else { return "\(name)=\"\(Self.plainColour(ink))\"" }
        switch ink {
        case .paper: return "class=\"c-paper\""
        case .text, .line: return "\(name)=\"currentColor\""
        case .grid: return "\(name)=\"currentColor\" \(name)-opacity=\"0.15\""
        case .series(let index): return "class=\"c-\(prefix)\(index % SeriesStyle.colours.count)\""
        }
    }

    private static func plainColour(_ ink: Ink) -> String {
        switch ink {
        case .paper: "#ffffff"
        case .text: "#222222"
        case .line: "#333333"
        case .grid: "#e5e5e5"
        case .series(let index): SeriesStyle.colours[index % SeriesStyle.colours.count]
        }
    }

    /// What stands first in the image: its name, and for the adaptive theme its description and style sheet.
    func head(title: String, summary: String) -> [String] {
        var lines = ["<title>\(SVG.escaped(title))</title>"]
        guard self == .adaptive else { return lines }
        if !summary.isEmpty { lines.append("<desc>\(SVG.escaped(summary))</desc>") }
        lines.append("<style>\(Self.styleSheet)</style>")
        return lines
    }

    /// Class names are the same in all charts, so that several may stand in one page.
    static let styleSheet =
        ".c-chart{color:#222222}.c-paper{fill:#ffffff}\(classes(SeriesStyle.colours))"
        + "@media (prefers-color-scheme:dark){.c-chart{color:#e8e8e8}.c-paper{fill:#16181d}"
        + "\(classes(SeriesStyle.darkColours))}"

    /// What the image's root element has besides its size.
    var rootAttributes: String { self == .adaptive ? " class=\"c-chart\"" : "" }

    private static func classes(_ colours: [String]) -> String {
        colours.enumerated().map { ".c-f\($0){fill:\($1)}.c-s\($0){stroke:\($1)}" }.joined()
    }
}

/// The colour, dashes and marker of a series, by its place in the chart.
struct SeriesStyle {
    /// The colours of Okabe and Ito, which colour-blind readers can tell apart, without the yellow.
    static let colours = [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
    ]
    /// The same hues, light enough for a dark ground.
    static let darkColours = [
        "#3d9be9", "#ff8a3d", "#2fc79a", "#e59bc6", "#f2c14e", "#9ad5ff", "#f0f0f0",
    ]
    private static let dashPatterns = [nil, "7 4", "2 3", "9 3 2 3"]

    let dashes: String?
    let ink: ChartTheme.Ink
    private let theme: ChartTheme
    private let shape: Int
    private let isHollow: Bool

    /// - Parameter isHollow: Whether markers are outlines and lines thin and dashed.
    init(_ index: Int, theme: ChartTheme = .plain, isHollow: Bool = false) {
        self.theme = theme
        self.isHollow = isHollow
        ink = .series(index)
        dashes = isHollow ? "3 3" : Self.dashPatterns[index / Self.colours.count % Self.dashPatterns.count]
        shape = index % 5
    }

    /// The colour on a light ground.
    var colour: String {
        guard case .series(let index) = ink else { return "" }
        return Self.colours[index % Self.colours.count]
    }

    /// The width of lines, in pixels.
    var width: Int { isHollow ? 1 : 2 }

    /// The marker of a point, about 9 pixels wide.
    func marker(x: Double, y: Double) -> String {
        let paint = isHollow ? "fill=\"none\" stroke-width=\"1.5\" \(theme.stroke(ink))" : theme.fill(ink)
        func polygon(_ corners: [(Double, Double)]) -> String {
            let points = corners.map { "\(SVG.number(x + $0.0)),\(SVG.number(y + $0.1))" }
            return "<polygon points=\"\(points.joined(separator: " "))\" \(paint)/>"
        }
        return switch shape {
        case 0: "<circle cx=\"\(SVG.number(x))\" cy=\"\(SVG.number(y))\" r=\"4.5\" \(paint)/>"
        case 1: polygon([(-4, -4), (4, -4), (4, 4), (-4, 4)])
        case 2: polygon([(0, -5), (5, 4), (-5, 4)])
        case 3: polygon([(0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)])
        default: polygon([(0, 5), (5, -4), (-5, -4)])
        }
    }
}
