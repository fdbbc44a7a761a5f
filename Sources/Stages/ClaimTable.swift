internal import Evaluation
internal import Reporting

/// The table of claims, for people and for programs.
struct ClaimTable {
    /// A claim with what a stage found of it.
    struct Entry {
        let claim: JudgedClaim
        /// Nil where a side isn't reached, or isn't measured.
        let effect: Effect?
        let verdict: Claim.Verdict
        /// Why there is no effect: "not reached: trajectory.tpf@95 in 1 of 6".
        let reason: String
        /// The effects of the repeats, and how many of those measured hold by value; nil for a single table.
        var repeats: (each: String, holding: String)?
        /// After how many repeats it was decided; nil where it was looked at once.
        var decidedAfter: String?
    }

    static let title = "Claims, each with its tolerance written down before the run"

    let entries: [Entry]
    let notes: [String]

    /// Effects with their sign and unit, one column whatever the scale.
    var forPeople: Table {
        var columns: [Table.Column] = [
            .init("Claim"), .init("Compared"), .init("Claimed", alignment: .right),
            .init("Effect", alignment: .right), .init("Size"),
        ]
        if hasRepeats {
            columns += [.init("Of each", alignment: .right), .init("Holds in", alignment: .right)]
        }
        if hasLooks { columns.append(.init("Decided after", alignment: .right)) }
        columns.append(.init("Verdict"))
        var table = Table(title: Self.title, columns: columns, notes: notes)
        for entry in entries {
            table.append(
                [
                    .text(entry.claim.statement), .text(entry.claim.compared), .text(entry.claim.claimed),
                    entry.effect.map { .text(EffectText.text($0)) } ?? .missing(reason: entry.reason),
                    .text(entry.effect.map(EffectText.size) ?? ""),
                ] + trailing(entry))
        }
        return table
    }

    /// Effects as numbers: ratios in percent, differences in the measure's unit; an end that isn't bounded is empty.
    var forPrograms: Table {
        var columns: [Table.Column] = [.init("Claim"), .init("Compared"), .init("Claimed")]
        let scales = Effect.Scale.allCases.filter { scale in entries.contains { $0.claim.scale == scale } }
        columns += scales.map { $0 == .ratio ? .init("Effect", unit: "%") : .init("Difference") }
        columns += [.init("Bound"), .init("Size")]
        if hasRepeats { columns += [.init("Of each"), .init("Holds in")] }
        if hasLooks { columns.append(.init("Decided after")) }
        columns.append(.init("Verdict"))
        var table = Table(columns: columns)
        for entry in entries {
            let numbers = scales.map { scale -> Table.Cell in
                guard let effect = entry.effect, effect.scale == scale else {
                    return .missing(reason: entry.reason)
                }
                let shown = effect.shown
                guard let range = shown.interval else { return .number(shown.value, digits: 2) }
                // A ratio's lower end of −100 % is no bound either.
                let lower = scale == .ratio && range.lowerBound <= -100 ? -Double.infinity : range.lowerBound
                return .interval(shown.value, lower: lower, upper: range.upperBound, digits: 2)
            }
            table.append(
                [.text(entry.claim.statement), .text(entry.claim.compared), .text(entry.claim.claimed)]
                    + numbers + [
                        .text(Self.bound(entry.effect)),
                        .text(entry.effect.map(EffectText.size) ?? entry.reason),
                    ] + trailing(entry))
        }
        return table
    }

    private var hasRepeats: Bool { entries.contains { $0.repeats != nil } }
    private var hasLooks: Bool { entries.contains { $0.decidedAfter != nil } }

    private func trailing(_ entry: Entry) -> [Table.Cell] {
        (hasRepeats ? [.text(entry.repeats?.each ?? ""), .text(entry.repeats?.holding ?? "")] : [])
            + (hasLooks ? [.text(entry.decidedAfter ?? "")] : []) + [.text(entry.verdict.rawValue)]
    }

    /// "at least" and "at most", for effects whose sides are bounds.
    private static func bound(_ effect: Effect?) -> String {
        guard let effect else { return "" }
        return [effect.isAtLeast ? "at least" : nil, effect.isAtMost ? "at most" : nil].compactMap { $0 }
            .joined(separator: ", ")
    }

    /// What the columns mean.
    static func notes(interval: String) -> [String] {
        [
            "Effect: left over right in percent (tpf@, and where the claim asks for a ratio), else left minus right; \(interval).",
            "holds: the whole interval is as claimed. does not hold: none of it is. open: a part of it is. "
                + "not reached: a side has no value. Size: what the interval excludes.",
            "≥, ≤: the fastest setting of the left, the right side is still accurate enough, so that the effect is at least, at most this; that end of the interval is open.",
        ]
    }
}

/// Speeds and areas as tables have them.
enum MeasureText {
    /// "5.63 [5.50, 5.77]", "≥ 5.87 [5.70, ∞]".
    static func text(_ measurement: Measurement, digits: Int, isLowerBound: Bool = false) -> String {
        func number(_ value: Double) -> String {
            value.isFinite ? FixedPoint.text(value, digits: digits) : "∞"
        }
        return (isLowerBound ? "≥ " : "") + number(measurement.value)
            + (measurement.interval.map { " [\(number($0.lowerBound)), \(number($0.upperBound))]" } ?? "")
    }

    /// "TPF@90".
    static func heading(_ accuracy: Double) -> String { "TPF@\(MeasureName.number(accuracy))" }

    static func cell(_ measurement: Measurement, digits: Int) -> Table.Cell {
        guard let interval = measurement.interval else { return .number(measurement.value, digits: digits) }
        return .interval(
            measurement.value, lower: interval.lowerBound, upper: interval.upperBound, digits: digits)
    }
}
