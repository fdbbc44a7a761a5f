internal import Evaluation
internal import JSON
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
