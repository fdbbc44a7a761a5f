/// The few SVG elements that charts are made of.
enum SVG {
    /// A coordinate, in hundredths of a pixel.
    static func number(_ value: Double) -> String { FixedPoint.text(value, digits: 2) }

    static func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, colour: String = "#333333", width: Int = 1,
        dashes: String? = nil
    ) -> String {
        "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" "
            + "stroke=\"\(colour)\" stroke-width=\"\(width)\""
            + (dashes.map { " stroke-dasharray=\"\($0)\"" } ?? "") + "/>"
    }

    static func text(
        _ text: String, x: Double, y: Double, anchor: String = "start", size: Int = 12,
        isVertical: Bool = false
    ) -> String {
        let turn = isVertical ? " transform=\"rotate(-90 \(number(x)) \(number(y)))\"" : ""
        return "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\" font-size=\"\(size)\" "
            + "fill=\"#222222\"\(turn)>\(escaped(text))</text>"
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
