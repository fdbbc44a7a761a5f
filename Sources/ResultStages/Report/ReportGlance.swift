internal import ArtifactStore
internal import Audit
internal import Base
internal import Files
internal import JSON
internal import Measures
internal import Reporting

/// What a reader sees first: four numbers, and accuracy over speed.
struct ReportGlance {
    let comparison: ReportedComparison?
    let repeats: ReportedRepeats?
    let claims: [ReportedComparison.JudgedClaim]
    let roles: ReportRoles

    /// Empty where a run has none.
    var html: HTML {
        let numbers = [speed, ratio, area, verdicts].compactMap { $0 }
        return .group([
            numbers.isEmpty ? .empty : .numbers(numbers),
            comparison.map { comparison in
                .figure(
                    comparison.tradeoff, name: "curves",
                    caption: repeats == nil
                        ? "Every setting of every method on all problems. The tables below have the same numbers, with what made them."
                        : "Every setting of every method on all problems, of the first of \(repeats?.count ?? 0) repeats."
                )
            } ?? .empty,
        ])
    }

    private typealias Number = (value: String, what: String, note: String)

    /// "[10.54, 11.37]", with what it is of.
    private func note(_ name: String, _ interval: ReportInterval, _ digits: Int) -> String {
        guard let range = interval.range else { return name }
        func end(_ value: Double) -> String {
            value.isFinite ? FixedPoint.text(value, digits: digits) : value < 0 ? "−∞" : "∞"
        }
        return "\(name) [\(end(range.lowerBound)), \(end(range.upperBound))]"
    }

    /// The subject's speeds, over repeats where there are some.
    private var speeds: [ReportedComparison.Speed] {
        repeats.map { $0.methods.first { $0.label == roles.subject }?.speeds ?? [] }
            ?? comparison?.methods.first { $0.label == roles.subject }?.speeds ?? []
    }

    private var speed: Number? {
        guard let speed = speeds.last(where: { $0.tpf != nil }), let tpf = speed.tpf,
            let accuracy = speed.heading.byteText.dropping(prefix: "TPF@")
        else { return nil }
        return (
            (speed.isLowerBound ? "≥ " : "") + FixedPoint.text(tpf.value, digits: 2),
            "tokens per forward at \(accuracy.text) % accuracy", note(roles.subject, tpf, 2)
        )
    }

    /// The first claim that the subject is faster than another.
    private var ratio: Number? {
        guard
            let claim = claims.first(where: {
                $0.isRatio && roles.areAhead(in: $0) && $0.difference != nil && $0.measures != nil
            }), let effect = claim.difference, let measures = claim.measures
        else { return nil }
        func times(_ percent: Double) -> Double { 1 + percent / 100 }
        let interval = ReportInterval(
            value: times(effect.value),
            range: effect.range.map { times($0.lowerBound)...times($0.upperBound) })
        return (
            FixedPoint.text(interval.value, digits: 1) + "×", "the speed of \(measures.other)",
            note("at \(measures.accuracy) %", interval, 1)
        )
    }

    private var area: Number? {
        let aup =
            repeats.map { $0.methods.first { $0.label == roles.subject }?.aup }
            ?? comparison?.methods.first { $0.label == roles.subject }?.aup
        guard let aup else { return nil }
        return (
            FixedPoint.text(aup.value, digits: 0), "AUP, accuracy under parallelism",
            note(roles.subject, aup, 0)
        )
    }

    private var verdicts: Number? {
        guard !claims.isEmpty else { return nil }
        let holding = claims.count { $0.verdict == "holds" }
        let not = claims.count { $0.verdict == "does not hold" }
        return (
            "\(holding) of \(claims.count)", "claims hold",
            "\(not) do not, \(claims.count - holding - not) can't be told"
        )
    }
}

extension ReportedComparison.JudgedClaim {
    /// What a claim such as "d3LLM.tpf@90 vs Fast-dLLM.tpf@90" compares; nil for others.
    var measures: (subject: String, other: String, accuracy: String)? {
        guard let (left, right) = compared.byteText.cut(at: " vs "), let ours = left.cut(atLast: ".tpf@"),
            let theirs = right.cut(atLast: ".tpf@"), ours.after == theirs.after
        else { return nil }
        return (ours.before.text, theirs.before.text, ours.after.text)
    }
}

extension ReportedComparison {
    /// The methods that a figure names: the subject, what claims set beside it, the baseline, then as many as have colours.
    ///
    /// Variants of the subject ("d3LLM + KV cache") lie on its curve and would hide it.
    private var named: [String] {
        let labels = methods.map(\.label)
        let subject = labels.contains(roles.subject) ? [roles.subject] : []
        let compared = claims.compactMap { claim in
            claim.measures.flatMap { $0.subject == roles.subject ? $0.other : nil }
        }
        let variants = labels.filter { $0.byteText.hasPrefix(roles.subject + " ") }
        let order = (subject + compared + [roles.baseline] + labels).filter(labels.contains)
        let distinct = order.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        let limit = FigureStyle.colours.count
        guard distinct.count > limit else { return distinct }
        return Array(distinct.filter { !variants.contains($0) }.prefix(limit))
    }

    /// Accuracy over speed, with the target, operating points, and the first claim about the subject's speed.
    var tradeoff: TradeoffChart {
        let named = named
        let labels = named + methods.map(\.label).filter { !named.contains($0) }
        var chart = TradeoffChart(
            title: "Accuracy over tokens per forward",
            curves: labels.map { label in
                let points = settings(of: label).enumerated().sorted {
                    ($0.element.tpf, $0.offset) < ($1.element.tpf, $1.offset)
                }.map(\.element)
                return .init(
                    label,
                    points: points.map {
                        .init($0.name, x: $0.tpf, y: $0.accuracy.value, error: $0.accuracy.range)
                    },
                    chosen: methods.first { $0.label == label }?.setting, isBackground: !named.contains(label)
                )
            })
        let seed = item.artifact?.record.recipe["seed"]?.int.map { "Seed \($0); every" } ?? "Every"
        chart.subtitle = "\(seed) point is a setting of a method, up and to the right is better"
        chart.target = target
        chart.limit = taskLimit
        for claim in claims {
            guard let measures = claim.measures, measures.subject == roles.subject,
                named.contains(measures.other),
                let accuracy = Double(measures.accuracy)
            else { continue }
            func speed(_ label: String) -> Speed? {
                methods.first { $0.label == label }?.speeds.first { $0.heading == "TPF@\(measures.accuracy)" }
            }
            if let fast = speed(measures.subject), let slow = speed(measures.other), !fast.isLowerBound,
                !slow.isLowerBound, let ours = fast.tpf, let theirs = slow.tpf
            {
                chart.comparison = .init(
                    measures.other, accuracy: accuracy, slow: theirs.value, fast: ours.value)
            }
            break
        }
        return chart
    }
}
