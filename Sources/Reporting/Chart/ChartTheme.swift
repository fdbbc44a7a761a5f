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
