/// A statement about two measurements that is written down, with its tolerance, before they are made.
package struct Claim: Sendable, Hashable {
    /// How the left measurement relates to the right one if the claim holds.
    package enum Relation: Sendable, Hashable {
        /// Left exceeds right by more than `margin`, in the unit of the measurements.
        case greater(margin: Double)
        /// Left is more than `factor` times right.
        case times(factor: Double)
        /// Left and right differ by at most `tolerance`, in the unit of the measurements.
        case near(tolerance: Double)
    }

    /// One side of a claim.
    package enum Side: Sendable, Hashable {
        /// The measurement of this name.
        case measured(String)
        /// A number that is part of the claim, such as a published one.
        case constant(Double)
    }

    /// What came of a claim.
    package enum Verdict: String, Sendable, Hashable, CaseIterable {
        /// The interval lies wholly where the relation holds.
        case holds
        /// The interval lies wholly where it doesn't.
        case doesNotHold = "does not hold"
        /// The interval lies on both sides of the bound: these data can't tell.
        case open
        /// A side has no value: no setting reaches the accuracy that the measure asks for.
        case notReached = "not reached"
        /// A side wasn't measured.
        case notRun = "not run"

        /// The verdict of a recorded word; "within noise" is how earlier versions wrote `open`.
        package init?(recorded word: String) {
            self.init(rawValue: word == "within noise" ? Self.open.rawValue : word)
        }

        /// Whether more repeats can't change it: it holds, or it does not.
        package var isDecided: Bool { self == .holds || self == .doesNotHold }
    }

    /// Short and unique, such as `multi-block-faster`.
    package let name: String
    /// The claim in words.
    package let statement: String
    /// The side that is said to be greater, a multiple, or near.
    package let left: Side
    /// The side that left is compared with.
    package let right: Side
    /// What is claimed of the two.
    package let relation: Relation

    /// A claim of the given parts.
    package init(name: String, statement: String, left: Side, relation: Relation, right: Side) {
        self.name = name
        self.statement = statement
        self.left = left
        self.relation = relation
        self.right = right
    }
}

/// A measured number with the interval it may lie in.
package struct Measurement: Sendable, Hashable {
    /// The number itself.
    package let value: Double
    /// Where it may lie, or nil if no uncertainty is known; then it is taken as exact.
    package let interval: ClosedRange<Double>?

    /// A measurement with its interval, if one is known.
    package init(_ value: Double, interval: ClosedRange<Double>? = nil) {
        self.value = value
        self.interval = interval
    }

    /// The accuracy of a point with its Wilson interval, in percent.
    package static func accuracy(of point: CurvePoint) -> Measurement {
        Measurement(point.accuracy, interval: point.interval.range)
    }

    var range: ClosedRange<Double> { interval ?? value...value }
}

extension Claim {
    /// What the measurements say of the claim.
    ///
    /// An ordering (`greater`, `times`) is decided only if the intervals separate once the right side is moved by
    /// the margin or multiplied by the factor; otherwise the verdict is `open`, whichever value is greater.
    /// Nearness holds when all that the intervals allow is near enough, and fails when none of it is.
    /// - Parameter measurements: by name; a missing one, or one that isn't finite, makes the verdict `notRun`.
    package func verdict(given measurements: [String: Measurement]) -> Verdict {
        guard let left = value(of: left, in: measurements), let right = value(of: right, in: measurements)
        else {
            return .notRun
        }
        switch relation {
        case .greater(let margin):
            return ordering(left, right) { $0 + margin }
        case .times(let factor):
            return ordering(left, right) { $0 * factor }
        case .near(let tolerance):
            let least = left.range.lowerBound - right.range.upperBound
            let most = left.range.upperBound - right.range.lowerBound
            if least >= -tolerance, most <= tolerance { return .holds }
            return least > tolerance || most < -tolerance ? .doesNotHold : .open
        }
    }

    private func value(of side: Side, in measurements: [String: Measurement]) -> Measurement? {
        switch side {
        case .constant(let number): return Measurement(number)
        case .measured(let name):
            guard let found = measurements[name], found.value.isFinite else { return nil }
            return found
        }
    }

    private func ordering(
        _ left: Measurement, _ right: Measurement, moved: (Double) -> Double
    ) -> Verdict {
        // A factor below zero turns the range round, and a huge one makes it infinite: a range must not trap.
        let ends = [moved(right.range.lowerBound), moved(right.range.upperBound)].sorted()
        guard ends.allSatisfy(\.isFinite) else { return .notRun }
        let bar = ends[0]...ends[1]
        let uncertain = left.interval != nil || right.interval != nil
        if uncertain, left.range.overlaps(bar) { return .open }
        return left.value > moved(right.value) ? .holds : .doesNotHold
    }
}
