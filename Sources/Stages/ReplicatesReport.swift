internal import Base
internal import Evaluation
internal import Files
internal import JSON
internal import Reporting
internal import SystemPackage

/// The tables and the figures of repeats of a comparison.
struct ReplicatesReport {
    struct Method {
        let label: String
        let aup: RepeatedMeasure
        /// Nil where a repeat has no operating point.
        let tpf: RepeatedMeasure?
        let accuracy: RepeatedMeasure?
    }

    struct Outcome {
        let claim: Comparison.JudgedClaim
        let difference: RepeatedMeasure?
        /// Repeats in which both sides have a measurement.
        let measured: Int
        /// Those of them in which the relation holds by value, whatever the uncertainty.
        let holding: Int
        let verdict: Claim.Verdict
    }

    let title: String
    let count: Int
    let methods: [Method]
    let outcomes: [Outcome]

    /// - Parameter comparisons: with the same methods and claims in the same order, at least one.
    init(title: String, comparisons: [Comparison]) {
        self.title = title
        count = comparisons.count
        func measure(_ values: [Double?]) -> RepeatedMeasure? {
            let found = values.compactMap { $0 }
            return found.count == values.count ? RepeatedMeasure(found) : nil
        }
        methods = comparisons[0].methods.indices.map { i in
            let rows = comparisons.map { $0.methods[i] }
            return Method(
                label: rows[0].label, aup: RepeatedMeasure(rows.map(\.aup)), tpf: measure(rows.map(\.tpf)),
                accuracy: measure(rows.map(\.accuracy)))
        }
        outcomes = comparisons[0].claims.indices.map { i in
            let claims = comparisons.map { $0.claims[i] }
            let difference = measure(claims.map(\.difference))
            let claim = Claim(
                name: claims[0].statement, statement: claims[0].statement, left: .measured("difference"),
                relation: claims[0].relation, right: .constant(0))
            func verdict(_ measurement: Measurement?) -> Claim.Verdict {
                claim.verdict(given: measurement.map { ["difference": $0] } ?? [:])
            }
            return Outcome(
                claim: claims[0], difference: difference, measured: claims.count { $0.difference != nil },
                holding: claims.count { verdict($0.difference.map { Measurement($0) }) == .holds },
                verdict: difference.map { $0.interval == nil ? .open : verdict($0.measurement) }
                    ?? .notRun)
        }
    }

    /// Writes tables as text, Markdown and CSV, and the figures as SVG.
    func write(to folder: FilePath) throws {
        for (name, table) in [("table", table), ("claims", claimTable)] {
            try FileSystem.writeAtomically(
                MarkdownTableRenderer().render(table), to: folder.appending("\(name).md"))
            try FileSystem.writeAtomically(
                CSVTableRenderer().render(table), to: folder.appending("\(name).csv"))
        }
        let text = [table, claimTable].map { TextTableRenderer().render($0) }.joined(separator: "\n")
        try FileSystem.writeAtomically(text, to: folder.appending("table.txt"))
        for (name, chart) in [("aup", aupChart), ("effects", effectChart)] {
            try FileSystem.writeAtomically(
                SVGChartRenderer().render(chart), to: folder.appending("\(name).svg"))
        }
    }

    private var table: Table {
        var table = Table(
            title: title,
            columns: [
                .init("Method"), .init("AUP", alignment: .decimal), .init("AUP of each", alignment: .right),
                .init("TPF", alignment: .decimal), .init("Accuracy", unit: "%", alignment: .decimal),
            ],
            notes: [
                "Means of \(count) repeats with Student's 95 % interval over them; each repeat trains all models anew.",
                "TPF, accuracy: at each repeat's own operating point, the fastest setting that reaches its target.",
            ])
        let missing = Table.Cell.missing(reason: "in a repeat no setting reaches the target")
        for method in methods {
            table.append([
                .text(method.label), cell(method.aup, digits: 1), .text(list(method.aup.values, digits: 0)),
                method.tpf.map { cell($0, digits: 2) } ?? missing,
                method.accuracy.map { cell($0, digits: 1) } ?? missing,
            ])
        }
        return table
    }

    private var claimTable: Table {
        var table = Table(
            title: "Claims, each with its tolerance written down before the run",
            columns: [
                .init("Claim"), .init("Compared"), .init("Difference", alignment: .decimal),
                .init("Of each", alignment: .right), .init("Holds in", alignment: .right), .init("Verdict"),
            ],
            notes: [
                "Difference: left minus right, mean over the repeats with Student's 95 % interval; the verdict goes by it."
            ])
        for outcome in outcomes {
            table.append([
                .text(outcome.claim.statement), .text("\(outcome.claim.left) vs \(outcome.claim.right)"),
                outcome.difference.map { cell($0, digits: 2) }
                    ?? .missing(reason: "in a repeat a side has no measurement"),
                .text(outcome.difference.map { list($0.values, digits: 2) } ?? ""),
                .text("\(outcome.holding) of \(outcome.measured)"), .text(outcome.verdict.rawValue),
            ])
        }
        return table
    }

    private var aupChart: DotChart {
        DotChart(
            title: title, axisTitle: "AUP: mean, 95 % interval, each repeat",
            rows: methods.map {
                .init($0.label, value: $0.aup.mean, error: $0.aup.interval, values: $0.aup.values)
            })
    }

    /// The claims about AUP as differences; claims about TPF have another unit.
    private var effectChart: DotChart {
        DotChart(
            title: "Claimed effects on AUP", axisTitle: "difference of AUP: mean, 95 % interval, each repeat",
            reference: 0,
            rows: outcomes.compactMap { outcome in
                guard outcome.claim.left.byteText.hasSuffix(".aup"), let difference = outcome.difference
                else {
                    return nil
                }
                return .init(
                    outcome.claim.statement, value: difference.mean, error: difference.interval,
                    values: difference.values)
            })
    }

    private func cell(_ measure: RepeatedMeasure, digits: Int) -> Table.Cell {
        guard let interval = measure.interval else { return .number(measure.mean, digits: digits) }
        return .interval(
            measure.mean, lower: interval.lowerBound, upper: interval.upperBound, digits: digits)
    }

    private func list(_ values: [Double], digits: Int) -> String {
        values.map { FixedPoint.text($0, digits: digits) }.joined(separator: " / ")
    }

    var metrics: JSONValue {
        [
            "repeats": .integer(count),
            "methods": .object(
                JSONObject(
                    methods.map { method in
                        (
                            method.label,
                            [
                                "aup": .number(method.aup.mean),
                                "aupOfEach": .array(method.aup.values.map { .number($0) }),
                                "tpf": method.tpf.map { .number($0.mean) } ?? .null,
                            ]
                        )
                    })),
            "claims": .object(
                JSONObject(outcomes.map { ($0.claim.statement, .string($0.verdict.rawValue)) })),
        ]
    }
}
