internal import Evaluation

/// A claim over repeats of a comparison: the paired effects of the tables, by teacher, and what they say.
struct RepeatedClaim {
    let claim: JudgedClaim
    /// What each table found, by teacher.
    let results: [[EffectResult]]
    let looks: SequentialLooks?

    /// The number of teachers that the verdict is of; nil before the first look.
    private(set) var decidedAfter: Int?
    private(set) var verdict: Claim.Verdict
    /// The mean over teachers of the means over their students, with Student's interval; nil where a table has none.
    ///
    /// It is that of the look at which the claim was decided, or of the last.
    private(set) var effect: Effect?

    init(_ claims: [[JudgedClaim]], looks: SequentialLooks?) {
        claim = claims[0][0]
        results = claims.map { $0.map(\.result) }
        self.looks = looks
        verdict = .open
        guard let looks else {
            effect = Self.effect(claim.scale, results[...], confidence: 0.95)
            verdict = Self.verdict(claim.relation, results[...], effect)
            return
        }
        let done = looks.looks(withRepeats: results.count)
        for look in done {
            let prefix = results.prefix(looks.looks[look])
            effect = Self.effect(claim.scale, prefix, confidence: looks.confidence(atLook: look))
            verdict = Self.verdict(claim.relation, prefix, effect)
            if verdict.isDecided {
                decidedAfter = looks.looks[look]
                return
            }
        }
        if done.isEmpty {
            effect = Self.effect(claim.scale, results[...], confidence: looks.confidence(atLook: 0))
            // Before the first look nothing is decided.
            let early = Self.verdict(claim.relation, results[...], effect)
            verdict = early.isDecided ? .open : early
        }
    }

    /// The tables in which both sides have a value, and those in which the relation holds by value.
    var measured: Int { results.joined().count { $0.effect != nil } }
    var holding: Int {
        results.joined().count { result in
            result.effect.map { claim.relation.verdict(.found(Effect($0.scale, $0.value))) == .holds }
                ?? false
        }
    }
    var count: Int { results.joined().count }

    /// Why there is no effect: "not reached in 1 of 6: trajectory.tpf@95 (1)".
    var reason: String {
        var counts: [(String, Int)] = []
        for case .notReached(let sides) in results.joined() {
            for side in sides {
                if let place = counts.firstIndex(where: { $0.0 == side }) {
                    counts[place].1 += 1
                } else {
                    counts.append((side, 1))
                }
            }
        }
        guard !counts.isEmpty else { return "a side has no measurement" }
        return "not reached in \(count - measured) of \(count): "
            + counts.map { "\($0.0) (\($0.1))" }.joined(separator: ", ")
    }

    /// All values by teacher; nil where one is missing.
    var values: ClusteredMeasure? { Self.values(results[...]) }

    /// The parts of the spread; nil where a value is missing or there is one table.
    var components: ClusteredMeasure.Components? {
        guard let values, count > 1 else { return nil }
        let deviations = results.joined().compactMap { $0.effect?.problemDeviation }
        let problems = deviations.count == count ? deviations.reduce(0) { $0 + $1 * $1 } / Double(count) : nil
        return values.components(problems: problems)
    }

    private static func values(_ results: ArraySlice<[EffectResult]>) -> ClusteredMeasure? {
        let found = results.map { $0.compactMap { $0.effect?.value } }
        guard !found.isEmpty, zip(found, results).allSatisfy({ $0.count == $1.count && !$0.isEmpty }) else {
            return nil
        }
        return ClusteredMeasure(found)
    }

    private static func effect(
        _ scale: Effect.Scale, _ results: ArraySlice<[EffectResult]>, confidence: Double
    ) -> Effect? {
        guard let values = values(results) else { return nil }
        let effects = results.joined().compactMap(\.effect)
        return Effect(
            scale, values.mean, interval: values.interval(confidence: confidence),
            isAtLeast: effects.contains(where: \.isAtLeast), isAtMost: effects.contains(where: \.isAtMost))
    }

    private static func verdict(
        _ relation: Claim.Relation, _ results: ArraySlice<[EffectResult]>, _ effect: Effect?
    ) -> Claim.Verdict {
        guard let effect else {
            return results.joined().contains { if case .notReached = $0 { true } else { false } }
                ? .notReached : .notRun
        }
        // One repeat has no interval and decides nothing.
        return effect.interval == nil ? .open : relation.verdict(.found(effect))
    }
}
