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

/// Numbers as decimal text with a fixed number of digits, the same on every machine.
package enum FixedPoint {
    /// The most digits after the point.
    package static let maximumDigits = 20

    /// `value` with `digits` digits after the point.
    ///
    /// The value is rounded as C's `printf("%.*f")` does: exactly, from the binary value, ties to the even digit.
    /// (2.675 is below the tie as a double, so it becomes 2.67.) A number that rounds to zero has no sign, and
    /// what isn't finite becomes `inf`, `-inf` or `nan`.
    /// - Parameters:
    ///   - digits: 0 to `maximumDigits`.
    ///   - grouped: whether commas stand between groups of three digits before the point.
    package static func text(_ value: Double, digits: Int, grouped: Bool = false) -> String {
        precondition((0...maximumDigits).contains(digits), "0 to \(maximumDigits) digits after the point")
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        var all = scaled(value.magnitude, digits: digits)
        if all.count <= digits { all = Array(repeating: 0, count: digits + 1 - all.count) + all }

        var text = value < 0 && all.contains { $0 != 0 } ? "-" : ""
        let whole = all.count - digits
        for (index, digit) in all.enumerated() {
            if index == whole {
                text += "."
            } else if grouped, index > 0, index < whole, (whole - index) % 3 == 0 {
                text += ","
            }
            text += String(digit)
        }
        return text
    }

    /// The decimal digits of `value` · 10^`digits`, rounded to a whole number; without leading zeros, except for 0.
    private static func scaled(_ value: Double, digits: Int) -> [UInt8] {
        guard value != 0 else { return [0] }
        // value = mantissa · 2^exponent, exactly; subnormal numbers have no leading one.
        let isNormal = value.exponentBitPattern != 0
        let mantissa = UInt128(value.significandBitPattern | (isNormal ? 1 << 52 : 0))
        let exponent = (isNormal ? Int(value.exponentBitPattern) : 1) - 1075
        if exponent >= 0 {
            // A whole number, possibly of hundreds of digits: double its decimal digits, then append zeros.
            var decimal = decimalDigits(mantissa)
            for _ in 0..<exponent { decimal = doubled(decimal) }
            return decimal + Array(repeating: 0, count: digits)
        }
        // mantissa < 2^53 and 10^20 < 2^67: the product fits.
        let product = (0..<digits).reduce(mantissa) { product, _ in product * 10 }
        let shift = -exponent
        guard shift < 127 else { return [0] }
        let quotient = product >> shift
        let rest = product & ((UInt128(1) << shift) - 1)
        let half = UInt128(1) << (shift - 1)
        let up = rest > half || (rest == half && quotient % 2 == 1)
        return decimalDigits(up ? quotient + 1 : quotient)
    }

    private static func decimalDigits(_ number: UInt128) -> [UInt8] {
        String(number).utf8.map { $0 - UInt8(ascii: "0") }
    }

    private static func doubled(_ digits: [UInt8]) -> [UInt8] {
        var result = digits
        var carry: UInt8 = 0
        for index in result.indices.reversed() {
            let twice = 2 * result[index] + carry
            result[index] = twice % 10
            carry = twice / 10
        }
        return carry == 0 ? result : [carry] + result
    }
}
