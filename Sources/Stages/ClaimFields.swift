internal import Base
internal import Evaluation
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

    init(_ fields: Fields) {
        statement = fields.string("statement", "The claim in words.")
        left = fields.string("left", "Measure LABEL.aup or LABEL.tpf.")
        right = fields.string("right", "Measure that it is compared with.")
        relation = fields.choice("relation", default: Relation.greater, "What is claimed of the two.")
        factor = fields.number("factor", default: 1, in: .above(0), "The right side is multiplied by this.")
        tolerance = fields.number(
            "tolerance", default: 0, in: 0.0...,
            "Margin by which left has to exceed right, or may differ from it.")
    }

    /// The curve that a measure belongs to; nothing where it isn't a measure.
    static func label(_ measure: String) -> String {
        let label = measure.byteText.dropping(suffix: ".aup") ?? measure.byteText.dropping(suffix: ".tpf")
        return label?.text ?? ""
    }

    /// The claim with its measurements and verdict, by the paired interval of the difference.
    func judged(_ analysis: SweepAnalysis) -> AUPReport.JudgedClaim {
        let difference = analysis.difference(left, right, factor: factor)
        let relation: Claim.Relation =
            self.relation == .greater ? .greater(margin: tolerance) : .near(tolerance: tolerance)
        let claim = Claim(
            name: statement, statement: statement, left: .measured("difference"), relation: relation,
            right: .constant(0))
        return AUPReport.JudgedClaim(
            statement: statement, left: left,
            right: factor == 1 ? right : "\(FixedPoint.text(factor, digits: 2)) x \(right)",
            difference: difference,
            verdict: claim.verdict(given: difference.map { ["difference": $0] } ?? [:]), relation: relation)
    }
}
