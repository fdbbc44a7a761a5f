/// The few SVG elements that charts are made of.
struct SVG {
    let theme: ChartTheme

    /// A coordinate, in hundredths of a pixel.
    static func number(_ value: Double) -> String { FixedPoint.text(value, digits: 2) }

    /// The image of a size around its elements.
    func image(
        width: Int, height: Int, title: String, summary: String, _ elements: [String]
    ) -> String {
        let open =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" width=\"\(width)\" "
            + "height=\"\(height)\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\""
            + "\(theme.rootAttributes)>"
        let paper = "<rect width=\"\(width)\" height=\"\(height)\" \(theme.fill(.paper))/>"
        let lines = [open] + theme.head(title: title, summary: summary) + [paper] + elements + ["</svg>"]
        return lines.joined(separator: "\n") + "\n"
    }

    func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ ink: ChartTheme.Ink = .line, width: Int = 1,
        dashes: String? = nil
    ) -> String {
        "<line x1=\"\(Self.number(x1))\" y1=\"\(Self.number(y1))\" x2=\"\(Self.number(x2))\" y2=\"\(Self.number(y2))\" "
            + "\(theme.stroke(ink)) stroke-width=\"\(width)\""
            + (dashes.map { " stroke-dasharray=\"\($0)\"" } ?? "") + "/>"
    }

    func text(
        _ text: String, x: Double, y: Double, anchor: String = "start", size: Int = 12,
        isVertical: Bool = false
    ) -> String {
        let turn = isVertical ? " transform=\"rotate(-90 \(Self.number(x)) \(Self.number(y)))\"" : ""
        return
            "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" text-anchor=\"\(anchor)\" font-size=\"\(size)\" "
            + "\(theme.fill(.text))\(turn)>\(Self.escaped(text))</text>"
    }

    func bar(x: Double, y: Double, width: Double, height: Double, _ ink: ChartTheme.Ink) -> String {
        "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(max(0, width)))\" "
            + "height=\"\(Self.number(height))\" \(theme.fill(ink))/>"
    }

    /// Text without characters that mean something in XML, or that XML can't hold.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\t", "\n", "\r": result += " "
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF:
                result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
