internal import Base

/// How figures that people read are painted: by classes, so that one picture suits light and dark surroundings.
///
/// Curves differ by colour and by mark, so that they can be told apart in print and by those who see few colours. Text
/// and lines have a contrast of at least 4.5 to the paper (WCAG AA).
package enum FigureStyle {
    /// Where a figure stands.
    package enum Place: Sendable, Hashable {
        /// In a file of its own: it brings its style sheet and its paper.
        case file
        /// In a page whose style sheet has the same classes.
        case page
    }

    /// The colours of curves on white; the first is that of the curve which the figure is about.
    package static let colours = [
        "#b83200", "#005fa3", "#00694a", "#8c3a8c", "#7a5600", "#3d4db7", "#006c7a", "#9b1c55",
    ]
    /// The same hues on a dark ground.
    package static let darkColours = [
        "#ff9a5c", "#6cb6ff", "#4fd6a4", "#e2a0e2", "#e8c15a", "#a5b0ff", "#5fd3e0", "#ff9ac2",
    ]
    /// Paper, text, quieter text, grid and muted curves, on white and on a dark ground.
    package static let grounds = (
        light: ["#ffffff", "#1d2129", "#5a6270", "#dfe3e8", "#6b7380"],
        dark: ["#14171c", "#e6e9ee", "#a6afbd", "#313843", "#98a2b1"]
    )

    /// The rules of the classes; files have them for both grounds.
    static let sheet =
        rules(grounds.light, colours)
        + "@media (prefers-color-scheme:dark){\(rules(grounds.dark, darkColours))}"

    private static func rules(_ ground: [String], _ colours: [String]) -> String {
        ".f-paper{fill:\(ground[0])}.f-halo{stroke:\(ground[0])}.f-ink{fill:\(ground[1])}.f-soft{fill:\(ground[2])}"
            + ".f-axis{stroke:\(ground[2])}.f-level{stroke:\(ground[1])}.f-grid{stroke:\(ground[3])}.f-km{color:\(ground[4])}"
            + colours.enumerated().map { ".f-k\($0){color:\($1)}" }.joined()
    }

    /// The class of a curve's colour; nil for those in the background.
    static func colour(_ index: Int?) -> String { index.map { "f-k\($0 % colours.count)" } ?? "f-km" }

    /// A mark about 10 pixels wide, in the colour of what it stands in; hollow once the colours are used up.
    static func mark(_ index: Int?, x: Double, y: Double, scale: Double = 1) -> String {
        guard let index else { return circle(x, y, radius: 2 * scale, "fill=\"currentColor\"") }
        let isHollow = index >= colours.count
        let paint =
            isHollow
            ? "class=\"f-paper\" stroke=\"currentColor\" stroke-width=\"1.5\"" : "fill=\"currentColor\""
        func shape(_ corners: [(Double, Double)]) -> String {
            let points = corners.map { "\(SVG.number(x + scale * $0.0)),\(SVG.number(y + scale * $0.1))" }
            return "<polygon points=\"\(points.joined(separator: " "))\" \(paint)/>"
        }
        func cross(_ turned: Bool) -> String {
            let (a, b) = turned ? (4.0, 4.0) : (5.2, 0.0)
            let lines = turned ? [(-a, -b, a, b), (-a, b, a, -b)] : [(-a, 0, a, 0), (0, -a, 0, a)]
            let path = lines.map {
                "M\(SVG.number(x + scale * $0.0)) \(SVG.number(y + scale * $0.1))L\(SVG.number(x + scale * $0.2)) \(SVG.number(y + scale * $0.3))"
            }
            return "<path d=\"\(path.joined())\" stroke=\"currentColor\" stroke-width=\"2.6\" fill=\"none\"/>"
        }
        return switch index % 8 {
        case 0: circle(x, y, radius: 5 * scale, paint)
        case 1: shape([(-4.2, -4.2), (4.2, -4.2), (4.2, 4.2), (-4.2, 4.2)])
        case 2: shape([(0, -5.4), (5.2, 4.2), (-5.2, 4.2)])
        case 3: shape([(0, -6), (5.6, 0), (0, 6), (-5.6, 0)])
        case 4: shape([(0, 5.4), (5.2, -4.2), (-5.2, -4.2)])
        case 5: cross(false)
        case 6: cross(true)
        default: shape([(-2.4, -5.2), (2.4, -5.2), (5.6, 0), (2.4, 5.2), (-2.4, 5.2), (-5.6, 0)])
        }
    }

    static func circle(_ x: Double, _ y: Double, radius: Double, _ paint: String) -> String {
        "<circle cx=\"\(SVG.number(x))\" cy=\"\(SVG.number(y))\" r=\"\(SVG.number(radius))\" \(paint)/>"
    }

    static func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String, width: Double = 1,
        dashes: String? = nil
    ) -> String {
        "<line x1=\"\(SVG.number(x1))\" y1=\"\(SVG.number(y1))\" x2=\"\(SVG.number(x2))\" y2=\"\(SVG.number(y2))\" "
            + (style == "currentColor" ? "stroke=\"currentColor\"" : "class=\"\(style)\"")
            + (width == 1 ? "" : " stroke-width=\"\(SVG.number(width))\"")
            + (dashes.map { " stroke-dasharray=\"\($0)\"" } ?? "") + "/>"
    }

    /// - Parameter style: A class; `currentColor` is the colour of what it stands in, with a rim of paper.
    static func text(
        _ text: String, x: Double, y: Double, anchor: String = "start", size: Int = 12,
        style: String = "f-ink", isBold: Bool = false
    ) -> String {
        let paint =
            style == "currentColor"
            ? "fill=\"currentColor\" class=\"f-halo\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\""
            : "class=\"\(style)\""
        return "<text x=\"\(SVG.number(x))\" y=\"\(SVG.number(y))\""
            + (anchor == "start" ? "" : " text-anchor=\"\(anchor)\"")
            + (size == 12 ? "" : " font-size=\"\(size)\"") + (isBold ? " font-weight=\"700\"" : "")
            + " \(paint)>\(SVG.escaped(text))</text>"
    }

    /// About how many pixels a text takes; fonts differ, so that it is more than most need.
    static func width(_ text: String, size: Int = 12, isBold: Bool = false) -> Double {
        Double(text.unicodeScalars.count) * Double(size) * (isBold ? 0.62 : 0.57)
    }

    /// A text in lines that are no wider than a number of pixels.
    static func wrapped(_ text: String, width limit: Double, size: Int = 12, isBold: Bool = false) -> [String]
    {
        var lines: [String] = []
        for word in text.byteText.words.map(\.text) {
            if let last = lines.last, width(last + " " + word, size: size, isBold: isBold) <= limit {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(word)
            }
        }
        return lines
    }

    /// A picture in Markdown and HTML that is wide or narrow as the window is.
    ///
    /// - Parameters:
    ///   - wide, narrow: Links to the files.
    ///   - text: What those hear who can't see it.
    package static func picture(wide: String, narrow: String, text: String) -> String {
        """
        <picture>
        <source media="(max-width: 560px)" srcset="\(SVG.escaped(narrow))">
        <img src="\(SVG.escaped(wide))" width="830" alt="\(SVG.escaped(text))">
        </picture>
        """
    }

    /// The whole picture; its title and its description are what those hear who can't see it.
    static func image(
        width: Double, height: Double, title: String, summary: String, place: Place, _ elements: [String]
    ) -> String {
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(SVG.number(width)) \(SVG.number(height))\" width=\"\(SVG.number(width))\" "
                + "height=\"\(SVG.number(height))\" role=\"img\" aria-label=\"\(SVG.escaped(title + ". " + summary))\" "
                + "font-family=\"system-ui, 'Liberation Sans', Arial, sans-serif\" font-size=\"12\">",
            "<title>\(SVG.escaped(title))</title>", "<desc>\(SVG.escaped(summary))</desc>",
        ]
        if place == .file {
            lines += [
                "<style>\(sheet)</style>",
                "<rect width=\"\(SVG.number(width))\" height=\"\(SVG.number(height))\" class=\"f-paper\"/>",
            ]
        }
        return (lines + elements + ["</svg>"]).joined(separator: "\n") + "\n"
    }
}

/// Finds places for labels beside what they name, away from lines, marks and one another.
struct LabelPlacer {
    /// A rectangle, in pixels.
    struct Box {
        let x: ClosedRange<Double>
        let y: ClosedRange<Double>

        func contains(_ point: (x: Double, y: Double)) -> Bool { x.contains(point.x) && y.contains(point.y) }
        func overlaps(_ other: Box) -> Bool { x.overlaps(other.x) && y.overlaps(other.y) }
    }

    /// Where a label stands: its anchor, and the side that it grows to.
    struct Spot {
        let x: Double
        let y: Double
        let anchor: String
    }

    /// What labels have to stay in.
    let area: Box
    private var taken: [Box] = []
    private var drawn: [(x: Double, y: Double)] = []

    init(area: Box) { self.area = area }

    /// Keeps labels off a line.
    mutating func avoid(_ line: [(x: Double, y: Double)]) {
        if line.count == 1 { drawn.append(line[0]) }
        for (from, to) in zip(line, line.dropFirst()) {
            let steps = max(1, Int(max(abs(to.x - from.x), abs(to.y - from.y)) / 3))
            for step in 0...steps {
                let share = Double(step) / Double(steps)
                drawn.append((from.x + share * (to.x - from.x), from.y + share * (to.y - from.y)))
            }
        }
    }

    /// Keeps labels off a rectangle.
    mutating func avoid(_ box: Box) { taken.append(box) }

    /// The best place beside one of some points, the first of which is liked most.
    mutating func place(width: Double, size: Double, beside points: [(x: Double, y: Double)]) -> Spot? {
        place(
            width: width, size: size,
            points.enumerated().flatMap { order, point in
                Self.candidates(point, size: size).enumerated().map { ($0.element, order * 6 + $0.offset) }
            })
    }

    /// The best of some places, each with how much it is disliked.
    mutating func place(width: Double, size: Double, _ candidates: [(spot: Spot, dislike: Int)]) -> Spot? {
        var best: (spot: Spot, box: Box, cost: Int)?
        for (spot, dislike) in candidates {
            let start =
                spot.anchor == "start" ? spot.x : spot.anchor == "end" ? spot.x - width : spot.x - width / 2
            let box = Box(
                x: start - 2...start + width + 2, y: spot.y - size * 0.8 - 2...spot.y + size * 0.25 + 2)
            guard area.x.contains(box.x.lowerBound), area.x.contains(box.x.upperBound),
                area.y.contains(box.y.lowerBound), area.y.contains(box.y.upperBound)
            else { continue }
            let cost =
                taken.count { $0.overlaps(box) } * 1000 + drawn.count { box.contains($0) } * 10 + dislike
            if cost < best?.cost ?? .max { best = (spot, box, cost) }
        }
        if let best { taken.append(best.box) }
        return best?.spot
    }

    private static func candidates(_ point: (x: Double, y: Double), size: Double) -> [Spot] {
        let middle = size * 0.35
        return [
            Spot(x: point.x + 10, y: point.y + middle, anchor: "start"),
            Spot(x: point.x, y: point.y - 10, anchor: "middle"),
            Spot(x: point.x, y: point.y + 9 + size * 0.8, anchor: "middle"),
            Spot(x: point.x + 8, y: point.y - 8, anchor: "start"),
            Spot(x: point.x + 8, y: point.y + 7 + size * 0.8, anchor: "start"),
            Spot(x: point.x - 10, y: point.y + middle, anchor: "end"),
            Spot(x: point.x - 8, y: point.y - 8, anchor: "end"),
            Spot(x: point.x - 8, y: point.y + 7 + size * 0.8, anchor: "end"),
        ]
    }
}
