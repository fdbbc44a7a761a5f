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

/// The rule for an experiment that is looked at while it runs: after how many repeats, and how wide the intervals
/// have to be so that looking several times claims nothing false more often than looking once.
///
/// Whoever repeats until an interval excludes zero, looking at 95 % each time, is wrong far more often than in 5 % of
/// cases. So the looks are fixed before the run, and the error that the experiment may make (1 − confidence) is
/// divided among them in proportion to the repeats that each adds:
///
///     errorₖ = (1 − confidence) · (nₖ − nₖ₋₁) / n_last,   confidence at look k = 1 − errorₖ
///
/// At looks of 4, 8 and 12 repeats all are equal: three intervals of 98.3 %. By the union bound all the intervals
/// together hold with the confidence asked for, whatever the distribution and however the looks depend on one
/// another; what is decided at one look may therefore stay decided. Pocock's and O'Brien and Fleming's limits are
/// narrower, but they come from normal distributions: with Student's at so few repeats Pocock's are wrong in 5.5 %
/// (looks 4, 8, 12) to 6.0 % (2, 4, 8) of cases, this rule in 4.1 and 4.6 %. Its price at 12 repeats is an interval
/// 1.28 times as wide as one that was looked at once.
///
/// Repeats are independent ones: where several students share a teacher, the teachers count.
package struct SequentialLooks: Sendable, Hashable {
    /// After how many independent repeats the claims are judged, rising; the last is the planned maximum.
    package let looks: [Int]
    /// The confidence of all looks together, such as 0.95.
    package let confidence: Double

    /// - Throws: ``SequentialLooksError`` where there is no look, they don't rise, the first is below 2 (one repeat
    ///   has no interval), or the confidence isn't between 0 and 1.
    package init(looks: [Int], confidence: Double = 0.95) throws(SequentialLooksError) {
        guard let first = looks.first else { throw .noLook }
        guard first >= 2 else { throw .tooEarly(first) }
        for (one, next) in zip(looks, looks.dropFirst()) where next <= one { throw .notRising(one, next) }
        guard confidence > 0, confidence < 1 else { throw .impossibleConfidence(confidence) }
        self.looks = looks
        self.confidence = confidence
    }

    /// The planned maximum of repeats.
    package var maximum: Int { looks.last ?? 0 }

    /// The confidence of the intervals at a look, counted from 0; one look alone has the whole.
    package func confidence(atLook look: Int) -> Double {
        let before = look == 0 ? 0 : looks[look - 1]
        return 1 - (1 - confidence) * Double(looks[look] - before) / Double(maximum)
    }

    /// The looks, from 0, that are possible with so many repeats: all for which there are enough.
    package func looks(withRepeats repeats: Int) -> Range<Int> {
        0..<(looks.firstIndex { $0 > repeats } ?? looks.count)
    }

    /// Repeats up to the next look; nil after the last.
    package func nextLook(afterRepeats repeats: Int) -> Int? { looks.first { $0 > repeats } }

    /// What is to be done after `repeats` repeats.
    ///
    /// A claim counts as decided from the first look on at which it is decided. One that isn't reached or run holds up
    /// nothing: more repeats don't change that.
    /// - Parameters:
    ///   - claims: The names of the claims.
    ///   - verdict: What the first `count` repeats say of a claim, with intervals of the given confidence.
    package func decision(
        claims: [String], repeats: Int,
        verdict: (_ claim: String, _ count: Int, _ confidence: Double) -> Claim.Verdict
    ) -> Decision {
        let done = looks(withRepeats: repeats)
        let open = claims.filter { claim in
            let verdicts = done.map { verdict(claim, looks[$0], confidence(atLook: $0)) }
            return !verdicts.contains(where: \.isDecided) && (verdicts.last ?? .open) == .open
        }
        return decision(open: open, repeats: repeats)
    }

    /// What follows from the claims that so many repeats leave open.
    package func decision(open: [String], repeats: Int) -> Decision {
        if looks(withRepeats: repeats).isEmpty { return .goOn(until: looks[0], open: open) }
        if open.isEmpty { return .decided }
        guard let next = nextLook(afterRepeats: repeats) else { return .spent(open: open) }
        return .goOn(until: next, open: open)
    }

    /// What is to be done after a look.
    package enum Decision: Sendable, Hashable {
        /// Every claim holds or does not: stop.
        case decided
        /// Some claims are open and repeats are left: make repeats until there are `until`.
        case goOn(until: Int, open: [String])
        /// Some claims are open after the last look: stop, they stay open.
        case spent(open: [String])
    }
}

/// Why looks can't be planned.
package enum SequentialLooksError: Error, Sendable, Hashable, CustomStringConvertible {
    case noLook
    case tooEarly(Int)
    case notRising(Int, Int)
    case impossibleConfidence(Double)

    package var description: String {
        switch self {
        case .noLook:
            "There is no look: name the repeats after which the claims are judged, such as [4, 8, 12]."
        case .tooEarly(let first):
            "The first look is after \(first) repeats, but fewer than 2 have no interval: begin with 2 or more."
        case .notRising(let one, let next):
            "The look at \(next) repeats follows that at \(one): looks have to rise."
        case .impossibleConfidence(let value):
            "The confidence \(value) isn't between 0 and 1; write 0.95 for 95 %."
        }
    }
}
