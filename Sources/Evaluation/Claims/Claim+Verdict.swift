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
