internal import Base
internal import JSON
internal import Measures
internal import Numerics
internal import Recipes
internal import Reporting

/// A claim about two measures, as configurations write it.
struct ClaimFields {
    enum Relation: String, CaseIterable {
        case greater
        case near
    }

    let statement: String
    let left: String
    let right: String
    private let relation: Relation
    private let factor: Double
    private let tolerance: Double
    private let scale: Effect.Scale?

    init(_ fields: Fields) {
        statement = fields.string("statement", "The claim in words.")
        left = fields.string("left", "Measure: \(MeasureName.forms).")
        right = fields.string("right", "Measure that it is compared with.")
        relation = fields.choice("relation", default: Relation.greater, "What is claimed of the two.")
        factor = fields.number("factor", default: 1, in: .above(0), "The right side is multiplied by this.")
        tolerance = fields.number(
            "tolerance", default: 0, in: 0.0...,
            "Margin by which left has to exceed right, or may differ from it: in percent on the scale of ratios, else in the measure's unit."
        )
        scale = fields.optionalChoice(
            "scale",
            "Whether the effect is the ratio of the two, judged by its logarithm, or their difference; a ratio for tpf@, a difference for others unless it is given."
        )
    }

    /// The claim with its effect and verdict, by the paired interval.
    func judged(_ analysis: SweepAnalysis) -> JudgedClaim {
        guard let left = MeasureName(left), let right = MeasureName(right) else {
            return JudgedClaim(
                statement: statement, left: left, right: self.right, scale: .difference,
                relation: .greater(margin: 0),
                result: .unknown)
        }
        let scale = scale ?? (left.isRatio && right.isRatio ? .ratio : .difference)
        let bound: Double =
            switch (scale, relation) {
            // Near on this scale: from 1 / (1 + t) to 1 + t times the right side.
            case (.ratio, _): Elementary.log(1 + tolerance / 100)
            case (.difference, _): tolerance
            }
        // A ratio that is to be greater is shown as it is and compared with the factor; other effects have the factor in them.
        let shift = scale == .ratio ? Elementary.log(factor) : 0
        return JudgedClaim(
            statement: statement, left: self.left,
            right: factor == 1 || scale == .ratio && relation == .greater
                ? self.right : "\(FixedPoint.text(factor, digits: 2)) x \(self.right)",
            scale: scale,
            relation: relation == .greater ? .greater(margin: shift + bound) : .near(tolerance: bound),
            result: relation == .near && scale == .ratio && factor != 1
                ? analysis.effect(left, right, scale: scale).shifted(by: -shift)
                : analysis.effect(left, right, scale: scale, factor: factor))
    }
}

/// A claim with what was found.
struct JudgedClaim {
    let statement: String
    let left: String
    let right: String
    let scale: Effect.Scale
    /// On the effect's scale.
    let relation: Claim.Relation
    let result: EffectResult

    var verdict: Claim.Verdict { relation.verdict(result) }
    var compared: String { "\(left) vs \(right)" }

    /// What is claimed of the effect: "> +18.0 %", "within 5.0 %", "> 0.00".
    var claimed: String {
        switch relation {
        case .greater(let margin): "> \(EffectText.signed(Effect.shown(margin, scale), scale))"
        case .near(let tolerance): "within \(EffectText.number(Effect.shown(tolerance, scale), scale))"
        case .times(let factor): "> \(FixedPoint.text(factor, digits: 2)) times"
        }
    }
}

/// Effects as people read them.
enum EffectText {
    static func digits(_ scale: Effect.Scale) -> Int { scale == .ratio ? 1 : 2 }

    /// "+7.5 % [+2.0, +13.2]"; "≥" and "≤" where a side is only bounded.
    static func text(_ effect: Effect) -> String {
        let mark =
            switch (effect.isAtLeast, effect.isAtMost) {
            case (true, false): "≥ "
            case (false, true): "≤ "
            case (true, true): "? "
            case (false, false): ""
            }
        let shown = effect.shown
        return mark + signed(shown.value, effect.scale)
            + (shown.interval.map { range in
                " [\(ends(range.lowerBound, effect.scale)), \(ends(range.upperBound, effect.scale))]"
            } ?? "")
    }

    static func signed(_ value: Double, _ scale: Effect.Scale) -> String {
        ends(value, scale) + (scale == .ratio ? " %" : "")
    }

    static func number(_ value: Double, _ scale: Effect.Scale) -> String {
        FixedPoint.text(value, digits: digits(scale)) + (scale == .ratio ? " %" : "")
    }

    private static func ends(_ value: Double, _ scale: Effect.Scale) -> String {
        let sign = scale == .ratio && value > 0 ? "+" : ""
        return value.isFinite
            ? sign + FixedPoint.text(value, digits: digits(scale)) : value > 0 ? "\(sign)∞" : "-∞"
    }

    /// "smaller than 1.9 %", "8.2 to 28.0 % more".
    static func size(_ effect: Effect) -> String {
        effect.size { FixedPoint.text($0, digits: digits(effect.scale)) } ?? ""
    }
}

extension Fields {
    /// Finite numbers, at least one, or nothing.
    func optionalNumbers(_ key: String, in range: ClosedRange<Double>, _ summary: String) -> [Double]? {
        let bounds = range.bounds
        let type = FieldType.list(of: .number(bounds), atLeast: 1)
        return optional(key, type, summary, role: .recipe, { .array($0.map { .number($0) }) }) { node in
            self.elements(of: node, key, type, atLeast: 1) { self.number($0, key, bounds) }
        }
    }

    /// Whole numbers, at least one, or nothing.
    func optionalIntegers(_ key: String, in range: ClosedRange<Int>, _ summary: String) -> [Int]? {
        let bounds = range.bounds
        let type = FieldType.list(of: .integer(bounds), atLeast: 1)
        return optional(key, type, summary, role: .recipe, { .array($0.map { .integer($0) }) }) { node in
            self.elements(of: node, key, type, atLeast: 1) { self.integer($0, key, bounds) }
        }
    }
}

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

/// The text of a comparison as commands print it.
package enum ComparisonText {
    /// The text without the table of claims where no claim is made.
    ///
    /// Artifacts keep that table whatever it holds: the same recipe gives the same bytes.
    package static func printed(_ recorded: String) -> String {
        let lines = recorded.byteText.split("\n", keepingEmpty: true).map(\.text)
        // The title, an empty line, the headings, their rule; then the claims, or what stands below the table.
        guard let title = lines.firstIndex(of: ClaimTable.title), title + 3 < lines.count,
            lines[title + 3].utf8.allSatisfy({ "- ".utf8.contains($0) }),
            title + 4 >= lines.count || lines[title + 4].isEmpty
        else { return recorded }
        var kept = lines[..<title]
        while kept.last?.isEmpty == true { kept.removeLast() }
        return kept.map { "\($0)\n" }.joined()
    }
}
