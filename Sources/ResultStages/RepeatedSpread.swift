internal import Measures
internal import Reporting

/// Whose the spread of the claimed effects is, and what more repeats could tell: for planning the next run.
struct RepeatedSpread {
    private let report: ReplicatesReport
    /// The claims with at least two independent repeats.
    private let claims: [(claim: RepeatedClaim, values: RepeatedMeasure)]

    /// Nil where no claim has two repeats.
    init?(_ report: ReplicatesReport) {
        self.report = report
        claims = report.outcomes.compactMap { outcome in
            outcome.values.flatMap { $0.repeats.values.count > 1 ? (outcome, $0.repeats) : nil }
        }
        if claims.isEmpty { return nil }
    }

    /// Standard deviations of one effect, by where they come from.
    var variance: Table {
        var table = Table(
            title: "Spread of the effects",
            columns: [
                .init("Claim"), .init("Repeat", alignment: .right), .init("Teachers", alignment: .right),
                .init("Students", alignment: .right), .init("Problems", alignment: .right),
            ],
            notes: [
                "Standard deviations: percent for ratios (of their logarithms), else the measure's unit. Repeat: of an independent repeat, a teacher with the mean of its students.",
                "Method of moments (one-way analysis of variance). Problems: what another draw of test problems would give (bootstrap), taken from the others. "
                    + (report.teachers == report.count
                        ? "Each teacher has one student: Teachers holds both."
                        : "Teachers: with all that changes with them."),
            ])
        for (claim, values) in claims {
            let components = claim.components
            let scale = claim.claim.scale
            table.append([
                .text(claim.claim.statement), .text(PowerText.deviation(values.deviation, scale)),
                Self.cell(components?.teachers, scale, missing: "there is one teacher"),
                Self.cell(components?.students, scale, missing: "no teacher has two students"),
                components?.problems.map { .text(PowerText.deviation($0.squareRoot(), scale)) }
                    ?? .missing(reason: "a table has none from the bootstrap"),
            ])
        }
        return table
    }

    private static func cell(_ component: VarianceComponent?, _ scale: Effect.Scale, missing: String)
        -> Table.Cell
    {
        guard let component else { return .missing(reason: missing) }
        return .text(
            component.isBelowZero ? "0 (estimate below 0)" : PowerText.deviation(component.deviation, scale))
    }

    /// For each claim and number of repeats the half-width and the smallest effect that is found.
    var power: Table {
        let powers = Power.table.filter { PowerText.shown.contains($0.repeats) }
        var table = Table(
            title: "What so many repeats can tell",
            columns: [.init("Claim"), .init("SD", alignment: .right)]
                + powers.map { .init("n = \($0.repeats)", alignment: .right) },
            notes: [PowerText.note])
        for (claim, values) in claims {
            let scale = claim.claim.scale
            table.append(
                [.text(claim.claim.statement), .text(PowerText.deviation(values.deviation, scale))]
                    + powers.map { .text(PowerText.cell($0, values.deviation, scale)) })
        }
        return table
    }

    /// The same for all of n = 2…16, as numbers.
    var wholePower: Table {
        var table = Table(
            columns: ["Claim", "Scale", "Repeats", "Half-width", "Smallest effect"].map { .init($0) })
        let powers = Power.table
        for (claim, values) in claims {
            let scale = claim.claim.scale
            for power in powers {
                table.append([
                    .text(claim.claim.statement), .text(scale.rawValue),
                    .text("\(power.repeats)"),
                    .number(Effect.shown(power.halfWidth * values.deviation, scale), digits: 2),
                    .number(Effect.shown(power.smallestEffect * values.deviation, scale), digits: 2),
                ])
            }
        }
        return table
    }
}

/// What so many repeats can tell, as people read it.
enum PowerText {
    /// The numbers of repeats that tables have room for.
    static let shown = [2, 3, 4, 6, 8, 12, 16]

    /// A small standard deviation of logarithms is one of percent.
    static func deviation(_ value: Double, _ scale: Effect.Scale) -> String {
        scale == .ratio ? FixedPoint.text(100 * value, digits: 1) + " %" : FixedPoint.text(value, digits: 2)
    }

    static let note =
        "Half of the 95 % interval's width and, in brackets, the smallest effect whose interval excludes none with a probability of 80 % (non-central Student's distribution), for n independent repeats of this spread."

    /// "4.2 (6.1)", both upward and in percent for ratios.
    static func cell(_ power: Power, _ deviation: Double, _ scale: Effect.Scale) -> String {
        func number(_ value: Double) -> String {
            let shown = Effect.shown(value * deviation, scale)
            return shown < 1e6 ? FixedPoint.text(shown, digits: shown < 100 ? 1 : 0) : "any"
        }
        return "\(number(power.halfWidth)) (\(number(power.smallestEffect)))"
    }
}

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
