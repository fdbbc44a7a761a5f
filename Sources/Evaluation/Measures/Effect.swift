internal import Numerics

/// By how much one measure exceeds another, with what it may be.
///
/// On the scale of ratios the number is ln(left / right): a ratio's logarithm is symmetrical (half as fast lies as far
/// below zero as twice as fast above), adds up over repeats, and its interval, taken back, never reaches a speed
/// below zero.
package struct Effect: Sendable, Hashable {
    package enum Scale: String, Sendable, Hashable, CaseIterable {
        case ratio
        case difference
    }

    package let scale: Scale
    /// ln(left / right), or left − factor · right.
    package let value: Double
    /// Where it may lie, infinite where the data don't bound it; nil if no uncertainty is known.
    package let interval: ClosedRange<Double>?
    /// Left was still accurate enough at its fastest setting, so that the effect is at least this.
    package let isAtLeast: Bool
    /// Right was, so that it is at most this.
    package let isAtMost: Bool
    /// The standard deviation that other problems alone would give; nil where it isn't known.
    package let problemDeviation: Double?

    /// - Parameter interval: An end that `isAtLeast` or `isAtMost` leaves open is made infinite.
    package init(
        _ scale: Scale, _ value: Double, interval: ClosedRange<Double>? = nil, isAtLeast: Bool = false,
        isAtMost: Bool = false, problemDeviation: Double? = nil
    ) {
        self.scale = scale
        self.value = value
        self.interval = interval.map {
            (isAtMost ? -Double.infinity : $0.lowerBound)...(isAtLeast ? Double.infinity : $0.upperBound)
        }
        self.isAtLeast = isAtLeast
        self.isAtMost = isAtMost
        self.problemDeviation = problemDeviation
    }

    /// The effect as people read it: percent of the right side, or the difference itself.
    package var shown: Measurement {
        Measurement(Self.shown(value, scale), interval: interval.map { Self.shown($0, scale) })
    }

    /// A logarithm as percent: ln 1.18 is 18.
    package static func shown(_ value: Double, _ scale: Scale) -> Double {
        scale == .ratio ? 100 * (Elementary.exp(value) - 1) : value
    }

    package static func shown(_ range: ClosedRange<Double>, _ scale: Scale) -> ClosedRange<Double> {
        shown(range.lowerBound, scale)...shown(range.upperBound, scale)
    }

    /// What the interval excludes, in words: "smaller than 1.9 %", "8.2 to 28.0 % more".
    ///
    /// - Parameter number: Writes a number that isn't negative, with its digits.
    package func size(_ number: (Double) -> String) -> String? {
        guard let interval = shown.interval else { return nil }
        let unit = scale == .ratio ? " %" : ""
        let (low, high) = (interval.lowerBound, interval.upperBound)
        func span(_ least: Double, _ most: Double, _ word: String) -> String {
            most.isFinite
                ? "\(number(least)) to \(number(most))\(unit) \(word)"
                : "at least \(number(least))\(unit) \(word)"
        }
        if low > 0 { return span(low, high, "more") }
        // Less than nothing can't be: −100 % is the least ratio, "at least".
        if high < 0 { return span(-high, scale == .ratio && low <= -100 ? .infinity : -low, "less") }
        let most = max(-low, high)
        guard most.isFinite, scale == .difference || low > -100 else { return nil }
        return "smaller than \(number(most))\(unit)"
    }
}

/// What became of comparing two measures.
package enum EffectResult: Sendable, Hashable {
    case found(Effect)
    /// These sides reach the accuracy in no setting, or have no operating point.
    case notReached([String])
    /// A side is no measure that there is.
    case unknown

    /// The same with `change` added to the effect, such as the logarithm of a factor.
    package func shifted(by change: Double) -> EffectResult {
        guard case .found(let effect) = self else { return self }
        return .found(
            Effect(
                effect.scale, effect.value + change,
                interval: effect.interval.map { $0.lowerBound + change...$0.upperBound + change },
                isAtLeast: effect.isAtLeast, isAtMost: effect.isAtMost,
                problemDeviation: effect.problemDeviation))
    }

    package var effect: Effect? { if case .found(let effect) = self { effect } else { nil } }
}

extension Claim.Relation {
    /// What an effect says of the relation, on the effect's own scale.
    package func verdict(_ result: EffectResult) -> Claim.Verdict {
        switch result {
        case .unknown: return .notRun
        case .notReached: return .notReached
        case .found(let effect):
            let claim = Claim(
                name: "", statement: "", left: .measured("effect"), relation: self, right: .constant(0))
            return claim.verdict(given: ["effect": Measurement(effect.value, interval: effect.interval)])
        }
    }
}
