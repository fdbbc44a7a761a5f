internal import Reporting

/// Numbers and phrases as reports have them.
enum ReportText {
    static func number(_ value: Double?, _ digits: Int) -> HTML {
        value.map { .text(FixedPoint.text($0, digits: digits)) } ?? .text("—")
    }

    /// "5.93 [5.89, 5.97]", the interval smaller.
    static func interval(_ interval: ReportInterval?, _ digits: Int) -> HTML {
        guard let interval else { return .text("—") }
        guard let range = interval.range else {
            return .text(FixedPoint.text(interval.value, digits: digits))
        }
        return .group([
            .text(FixedPoint.text(interval.value, digits: digits) + " "),
            .element(.span, .class("interval"), text: bounds(range, digits)),
        ])
    }

    /// "5.93 [5.89, 5.97]".
    static func plain(_ interval: ReportInterval, _ digits: Int) -> String {
        FixedPoint.text(interval.value, digits: digits)
            + (interval.range.map { " " + bounds($0, digits) } ?? "")
    }

    private static func bounds(_ range: ClosedRange<Double>, _ digits: Int) -> String {
        func end(_ value: Double) -> String {
            value.isFinite ? FixedPoint.text(value, digits: digits) : value < 0 ? "-∞" : "∞"
        }
        return "[\(end(range.lowerBound)), \(end(range.upperBound))]"
    }

    /// The effect of a claim: a ratio in percent, or a difference.
    static func effect(_ claim: ReportedComparison.JudgedClaim) -> HTML {
        guard let difference = claim.difference else { return .text("—") }
        let mark = claim.bound.map { $0 == "at least" ? "≥ " : $0 == "at most" ? "≤ " : "? " } ?? ""
        guard claim.isRatio else { return .group([.text(mark), interval(difference, 2)]) }
        return .group([.text(mark), interval(difference, 1), .text(" %")])
    }

    /// A speed at an accuracy.
    static func speed(_ speed: ReportedComparison.Speed) -> HTML {
        guard let tpf = speed.tpf else { return .text("—") }
        return .group([.text(speed.isLowerBound ? "≥ " : ""), interval(tpf, 2)])
    }

    /// A verdict in its colour; the word says it without.
    static func verdict(_ verdict: String) -> HTML {
        let style =
            switch verdict {
            case "holds": "good"
            case "does not hold": "bad"
            default: "unsure"
            }
        return .element(.span, .class(style), text: verdict)
    }

    /// "1 claim", "14 claims".
    static func count(_ number: Int, _ noun: String) -> String {
        "\(FixedPoint.text(Double(number), digits: 0, grouped: true)) \(noun)\(number == 1 ? "" : "s")"
    }

    /// "a", "a and b", "a, b and c".
    static func list(_ words: [String]) -> String {
        guard words.count > 1, let last = words.last else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " and " + last
    }

    /// "0.03 s", "38 s", "2 min 05 s".
    static func duration(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "—" }
        if seconds < 10 { return FixedPoint.text(seconds, digits: seconds < 1 ? 2 : 1) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        let (unit, part, names) =
            whole < 3600
            ? (whole / 60, whole % 60, ("min", "s")) : (whole / 3600, whole % 3600 / 60, ("h", "min"))
        return "\(unit) \(names.0) \(part < 10 ? "0" : "")\(part) \(names.1)"
    }

    /// "96 MB".
    static func size(_ bytes: Int?) -> String {
        guard let bytes else { return "—" }
        let megabytes = Double(bytes) / 1e6
        return megabytes < 10
            ? FixedPoint.text(megabytes, digits: 1) + " MB"
            : FixedPoint.text(megabytes, digits: 0, grouped: true) + " MB"
    }
}
