internal import Evaluation
internal import Files
internal import JSON
internal import Reporting
internal import SystemPackage

/// The tables and the figure of a comparison.
struct AUPReport {
    struct JudgedClaim {
        let statement: String
        let left: String
        let right: String
        /// Left minus right, with its paired interval.
        let difference: Measurement?
        let verdict: Claim.Verdict
        /// How far left may fall short, or differ, for the claim to hold.
        let relation: Claim.Relation
    }

    let sweeps: [Sweep]
    let analysis: SweepAnalysis
    let claims: [JudgedClaim]
    let margin: Double
    let taskLimit: Double?

    /// Writes table, claims and sweep as text, Markdown and CSV, and the curves as SVG.
    func write(to folder: FilePath) throws {
        let tables = [("table", table), ("claims", claimTable), ("sweep", sweepTable)]
        for (name, table) in tables {
            try FileSystem.writeAtomically(
                MarkdownTableRenderer().render(table), to: folder.appending("\(name).md"))
            try FileSystem.writeAtomically(
                CSVTableRenderer().render(table), to: folder.appending("\(name).csv"))
        }
        let text = [table, claimTable].map { TextTableRenderer().render($0) }.joined(separator: "\n")
        try FileSystem.writeAtomically(text, to: folder.appending("table.txt"))
        try FileSystem.writeAtomically(
            TextTableRenderer().render(sweepTable), to: folder.appending("sweep.txt"))
        try FileSystem.writeAtomically(SVGChartRenderer().render(chart), to: folder.appending("curves.svg"))
        try FileSystem.writeAtomically(
            comparison.value.prettyBytes(), to: folder.appending(Comparison.fileName))
    }

    /// Tokens fed to the model per problem.
    private static func meanInputs(_ records: [SampleRecord]) -> Double {
        Double(records.reduce(0) { $0 + $1.tokensForwarded }) / Double(max(1, records.count))
    }

    private var reported: Int { sweeps.first?.settings.first?.records.reportHalf.count ?? 0 }

    private var table: Table {
        var table = Table(
            title: "Accuracy under parallelism",
            columns: [
                .init("Method"), .init("Setting"), .init("TPF", alignment: .decimal),
                .init("NFE", alignment: .decimal), .init("Inputs", alignment: .right),
                .init("Accuracy", unit: "%", alignment: .decimal),
                .init("AUP", alignment: .decimal), .init("Curve", alignment: .right),
            ],
            notes: notes)
        for (sweep, row) in zip(sweeps, analysis.rows) {
            let records = sweep.settings.first { $0.name == row.chosen }?.records.reportHalf
            let missing = Table.Cell.missing(
                reason:
                    "no setting reaches \(FixedPoint.text(analysis.target, digits: 1)) % on the calibration half"
            )
            let point = row.point
            table.append([
                .text(row.label), row.chosen.map { .text($0) } ?? missing,
                row.tpf.map { cell($0, digits: 2) } ?? missing,
                point.map { .number($0.meanNFE, digits: 1) } ?? missing,
                records.map { .number(Self.meanInputs($0), digits: 0) } ?? missing,
                point.map {
                    .interval($0.accuracy, lower: $0.interval.lower, upper: $0.interval.upper, digits: 1)
                } ?? missing,
                cell(row.aup, digits: 1), .text("\(row.curve.count)"),
            ])
        }
        return table
    }

    private var notes: [String] {
        var notes = [
            "Setting: the fastest with accuracy >= \(FixedPoint.text(analysis.target, digits: 1)) % (reference less "
                + "\(FixedPoint.text(margin, digits: 1)) points) on the calibration half; every number is of the other half, n = \(reported).",
            "TPF: tokens up to and including the first end token over all forward evaluations, whole half. "
                + "NFE: per problem. Inputs: tokens fed to the model per problem, fewer with a cache.",
            "Accuracy: Wilson 95 % interval. TPF, AUP: bootstrap 95 % interval over problems; it doesn't cover other training seeds.",
            "AUP: alpha 3, offset 5, y_max \(FixedPoint.text(analysis.best, digits: 1)); Curve: settings on the calibration half's frontier.",
        ]
        if let taskLimit {
            notes.append(
                "The task's own limit: an exact decoder that computes one link of the dependency chain per forward reaches at most TPF \(FixedPoint.text(taskLimit, digits: 1))."
            )
        }
        return notes
    }

    private var claimTable: Table {
        var table = Table(
            title: "Claims, each with its tolerance written down before the run",
            columns: [
                .init("Claim"), .init("Compared"), .init("Difference", alignment: .decimal), .init("Verdict"),
            ],
            notes: ["Difference: left minus right with its paired bootstrap 95 % interval over problems."])
        for claim in claims {
            table.append([
                .text(claim.statement), .text("\(claim.left) vs \(claim.right)"),
                claim.difference.map { cell($0, digits: 2) } ?? .missing(reason: "a side has no measurement"),
                .text(claim.verdict.rawValue),
            ])
        }
        return table
    }

    private var sweepTable: Table {
        var table = Table(
            title: "All settings, all problems",
            columns: [
                .init("Method"), .init("Setting"), .init("TPF", alignment: .decimal),
                .init("NFE", alignment: .decimal), .init("Inputs", alignment: .right),
                .init("Accuracy", unit: "%", alignment: .decimal), .init("Curve"),
            ])
        for (sweep, row) in zip(sweeps, analysis.rows) {
            for setting in sweep.settings {
                guard let point = try? CurvePoint(setting.records) else { continue }
                table.append([
                    .text(sweep.label), .text(setting.name), .number(point.tpf, digits: 2),
                    .number(point.meanNFE, digits: 1), .number(Self.meanInputs(setting.records), digits: 0),
                    .interval(
                        point.accuracy, lower: point.interval.lower, upper: point.interval.upper, digits: 1),
                    .text(row.curve.contains(setting.name) ? "yes" : ""),
                ])
            }
        }
        return table
    }

    private var chart: LineChart {
        LineChart(
            title: "Accuracy over tokens per forward", xTitle: "tokens per forward", yTitle: "accuracy (%)",
            series: sweeps.map { sweep in
                let points = sweep.settings.compactMap { try? CurvePoint($0.records) }.sorted {
                    $0.tpf < $1.tpf
                }
                return .init(
                    sweep.label,
                    points: points.map { .init(x: $0.tpf, y: $0.accuracy, error: $0.interval.range) })
            })
    }

    private func cell(_ measurement: Measurement, digits: Int) -> Table.Cell {
        guard let interval = measurement.interval else { return .number(measurement.value, digits: digits) }
        return .interval(
            measurement.value, lower: interval.lowerBound, upper: interval.upperBound, digits: digits)
    }

    /// The measures, for stages that put several comparisons together.
    private var comparison: Comparison {
        Comparison(
            methods: analysis.rows.map { row in
                .init(
                    label: row.label, aup: row.aup.value, tpf: row.tpf?.value, accuracy: row.point?.accuracy)
            },
            claims: claims.map { claim in
                .init(
                    statement: claim.statement, left: claim.left, right: claim.right,
                    relation: claim.relation,
                    difference: claim.difference?.value)
            })
    }

    var metrics: JSONValue {
        let rows = analysis.rows.map { row -> (String, JSONValue) in
            (
                row.label,
                [
                    "aup": .number(row.aup.value), "aupOfAll": .number(row.aupOfAll),
                    "setting": row.chosen.map { .string($0) } ?? .null,
                    "tpf": row.tpf.map { .number($0.value) } ?? .null,
                    "accuracy": row.point.map { .number($0.accuracy) } ?? .null,
                    "nfe": row.point.map { .number($0.meanNFE) } ?? .null,
                ]
            )
        }
        return [
            "target": .number(analysis.target), "reported": .integer(reported),
            "taskLimit": taskLimit.map { .number($0) } ?? .null, "methods": .object(JSONObject(rows)),
            "claims": .object(JSONObject(claims.map { ($0.statement, .string($0.verdict.rawValue)) })),
        ]
    }
}
