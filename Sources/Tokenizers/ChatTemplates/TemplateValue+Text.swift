internal import Base
internal import JSON

extension TemplateValue {
    /// The text that the value is written as; nil for one that has no plain text.
    var text: String? {
        switch self {
        case .undefined: ""
        case .null: "None"
        case .bool(let bool): bool ? "True" : "False"
        case .integer(let integer): "\(integer)"
        case .double(let double): Self.text(of: double)
        case .string(let string): string
        case .list, .object, .namespace, .macro, .function, .stream: nil
        }
    }

    /// A number as Python writes it.
    static func text(of double: Double) -> String {
        guard double.isFinite else { return double.isNaN ? "nan" : double < 0 ? "-inf" : "inf" }
        // Swift gives the same shortest digits; it changes to exponents at other sizes.
        var digits = ""
        var exponent = 0
        var pointAt: Int?
        let written = "\(double.magnitude)".byteText.split("e")
        for scalar in written[0].text.unicodeScalars {
            if scalar == "." { pointAt = digits.count } else { digits.unicodeScalars.append(scalar) }
        }
        if written.count > 1 { exponent = Int(written[1].text) ?? 0 }
        // The value is 0.digits × 10^position.
        var position = (pointAt ?? digits.count) + exponent
        while digits.byteText.hasPrefix("0"), digits.count > 1 {
            digits.removeFirst()
            position -= 1
        }
        while digits.byteText.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
        let sign = double.sign == .minus ? "-" : ""
        if digits == "0" { return sign + "0.0" }
        if position > 16 || position < -3 {
            let rest = digits.dropFirst()
            let power = position - 1
            return sign + String(digits.prefix(1)) + (rest.isEmpty ? "" : "." + rest)
                + (power < 0 ? "e-" : "e+") + (abs(power) < 10 ? "0" : "") + "\(abs(power))"
        }
        if position <= 0 { return sign + "0." + String(repeating: "0", count: -position) + digits }
        if digits.count <= position {
            return sign + digits + String(repeating: "0", count: position - digits.count) + ".0"
        }
        return sign + digits.prefix(position) + "." + digits.dropFirst(position)
    }
}
