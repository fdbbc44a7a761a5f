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
