/// Numbers and durations for people.
enum Readable {
    /// `2121` as "2,121".
    static func count(_ number: Int) -> String {
        var text = ""
        for (index, digit) in String(number.magnitude).reversed().enumerated() {
            if index > 0, index % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + String(text.reversed())
    }

    /// "0.03 s", "4.2 s", "38 s", "2 min 05 s", "3 h 07 min".
    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0 else { return "?" }
        if seconds < 1 { return "\(decimal(seconds, places: 2)) s" }
        if seconds < 9.95 { return "\(decimal(seconds, places: 1)) s" }
        let whole = Int(min(seconds.rounded(), 1e15))
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
        return "\(whole / 3600) h \(twoDigits(whole % 3600 / 60)) min"
    }

    /// "12.3", "1,234": three digits or so.
    static func rate(_ perSecond: Double) -> String {
        guard perSecond.isFinite, perSecond < 1e15 else { return "?" }
        if perSecond >= 100 { return count(Int(perSecond.rounded())) }
        return decimal(perSecond, places: perSecond < 1 ? 2 : 1)
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
    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
