/// The colour, dashes and marker of a series, by its place in the chart.
struct SeriesStyle {
    private static let colours = [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
    ]
    private static let dashPatterns = [nil, "7 4", "2 3", "9 3 2 3"]

    let colour: String
    let dashes: String?
    private let shape: Int

    init(_ index: Int) {
        colour = Self.colours[index % Self.colours.count]
        dashes = Self.dashPatterns[index / Self.colours.count % Self.dashPatterns.count]
        shape = index % 5
    }

    /// The marker of a point, about 9 pixels wide.
    func marker(x: Double, y: Double) -> String {
        let paint = "fill=\"\(colour)\""
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
