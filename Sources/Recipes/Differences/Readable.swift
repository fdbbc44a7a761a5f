/// Numbers and durations for people.
package enum Readable {
    /// `2121` as "2,121".
    package static func count(_ number: Int) -> String {
        var text = ""
        for (index, digit) in String(number.magnitude).reversed().enumerated() {
            if index > 0, index % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + String(text.reversed())
    }

    /// "0.03 s", "4.2 s", "38 s", "2 min 05 s", "3 h 07 min".
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0 else { return "?" }
        if seconds < 1 { return "\(decimal(seconds, places: 2)) s" }
        if seconds < 9.95 { return "\(decimal(seconds, places: 1)) s" }
        let whole = Int(min(seconds.rounded(), 1e15))
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
        return "\(whole / 3600) h \(twoDigits(whole % 3600 / 60)) min"
    }

    /// "12.3", "1,234": three digits or so.
    package static func rate(_ perSecond: Double) -> String {
        guard perSecond.isFinite, perSecond < 1e15 else { return "?" }
        if perSecond >= 100 { return count(Int(perSecond.rounded())) }
        return decimal(perSecond, places: perSecond < 1 ? 2 : 1)
    }

    /// A duration that may be very long: "3 days 4 h", "12 years".
    package static func span(_ seconds: Double) -> String {
        let days = seconds / 86_400
        guard days >= 2, days.isFinite else { return duration(seconds) }
        if days < 14 {
            let hours = Int((seconds / 3600).rounded())
            return "\(hours / 24) days \(hours % 24) h"
        }
        return days < 730
            ? "\(count(Int(days.rounded()))) days" : "\(count(Int(min(days / 365, 1e12).rounded()))) years"
    }

    /// "512 B", "12.3 kB", "310 MB": three digits or so, in powers of ten.
    package static func size(_ bytes: Int) -> String {
        guard bytes >= 1000 else { return "\(bytes) B" }
        var value = Double(bytes)
        var units = ["kB", "MB", "GB", "TB"][...]
        value /= 1000
        while value >= 999.5, units.count > 1 {
            value /= 1000
            units = units.dropFirst()
        }
        return "\(rate(value)) \(units.first ?? "")"
    }

    private static func decimal(_ value: Double, places: Int) -> String {
        let scale = places == 2 ? 100 : 10
        let scaled = Int((value * Double(scale)).rounded())
        let fraction = String(scaled % scale)
        return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

extension Duration {
    /// In seconds.
    package var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
