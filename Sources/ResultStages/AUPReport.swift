internal import Files
internal import JSON
internal import Measures
internal import Reporting
internal import SystemPackage

/// The tables and the figure of a comparison.
struct AUPReport {
    let sweeps: [Sweep]
    let analysis: SweepAnalysis
    let claims: [JudgedClaim]
    let margin: Double
    let taskLimit: Double?
    /// See ``Comparison/teacher``.
    var teacher: String?
    /// What stands in for accuracy where answers aren't graded.
    var agreementNote: String?

    /// Writes table, claims and sweep as text, Markdown and CSV, and the curves as SVG.
    func write(to folder: FilePath) throws {
        let claims = claimTable
        let tables = [
            ("table", [table, points], wholeTable), ("claims", [claims.forPeople], claims.forPrograms),
            ("sweep", [sweepTable], sweepTable),
        ]
        for (name, forPeople, forPrograms) in tables {
            try FileSystem.writeAtomically(
                forPeople.map { MarkdownTableRenderer().render($0) }.joined(separator: "\n"),
                to: folder.appending("\(name).md"))
            try FileSystem.writeAtomically(
                CSVTableRenderer().render(forPrograms), to: folder.appending("\(name).csv"))
        }
        let text = [table, points, claims.forPeople].map { TextTableRenderer().render($0) }
        try FileSystem.writeAtomically(text.joined(separator: "\n"), to: folder.appending("table.txt"))
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

    private var problems: Int { sweeps.first?.settings.first?.records.count ?? 0 }

    /// Speeds at fixed accuracies and areas: what claims should be made of.
    private var table: Table {
        let accuracies = analysis.options.accuracies
        var table = Table(
            title: "Accuracy under parallelism",
            columns: [.init("Method")]
                + accuracies.map { .init(MeasureText.heading($0), alignment: .right) }
                + [
                    .init("AUP", alignment: .right), .init("Common AUP", alignment: .right),
                    .init("AUP jumps between", alignment: .right),
                ],
            notes: notes)
        for row in analysis.rows {
            table.append(
                [.text(row.label)]
                    + zip(accuracies, row.speeds).map { accuracy, speed in
                        speed.map {
                            .text(MeasureText.text($0.tpf, digits: 2, isLowerBound: $0.isLowerBound))
                        } ?? Self.notReached(accuracy)
                    } + [
                        MeasureText.cell(row.aup, digits: 0),
                        row.commonAUP.map { MeasureText.cell($0, digits: 0) } ?? belowCutoff,
                        .text(Self.jumps(row)),
                    ])
        }
        return table
    }

    private static func notReached(_ accuracy: Double) -> Table.Cell {
        .missing(reason: "not reached: no setting is \(MeasureName.number(accuracy)) % accurate")
    }

    private var belowCutoff: Table.Cell { .missing(reason: "every setting is below the common cut-off") }

    /// "95 or 618", and of the common AUP where that has settings at its cut-off.
    private static func jumps(_ row: SweepAnalysis.Row) -> String {
        func text(_ edge: CutoffEdge) -> String {
            [edge.without, edge.with].sorted().map { FixedPoint.text($0, digits: 0) }.joined(
                separator: " or ")
        }
        return [row.edge.map(text), row.commonEdge.map { "common " + text($0) }].compactMap { $0 }
            .joined(separator: "; ")
    }

    /// What the methods cost at their operating points.
    private var points: Table {
        var table = Table(
            title: "Operating points",
            columns: [
                .init("Method"), .init("Setting"), .init("TPF", alignment: .decimal),
                .init("NFE", alignment: .decimal), .init("Inputs", alignment: .right),
                .init("Accuracy", unit: "%", alignment: .decimal), .init("Curve", alignment: .right),
            ],
            notes: pointNotes)
        for (sweep, row) in zip(sweeps, analysis.rows) {
            table.append([.text(row.label)] + pointCells(sweep, row) + [.text("\(row.curve.count)")])
        }
        return table
    }

    /// Setting, TPF, NFE, inputs and accuracy.
    private func pointCells(_ sweep: Sweep, _ row: SweepAnalysis.Row) -> [Table.Cell] {
        let records = sweep.settings.first { $0.name == row.chosen }?.records.reportHalf
        let missing = Table.Cell.missing(
            reason:
                "no setting reaches \(FixedPoint.text(analysis.target, digits: 1)) % on the calibration half"
        )
        let point = row.point
        return [
            row.chosen.map { .text($0) } ?? missing,
            row.tpf.map { MeasureText.cell($0, digits: 2) } ?? missing,
            point.map { .number($0.meanNFE, digits: 1) } ?? missing,
            records.map { .number(Self.meanInputs($0), digits: 0) } ?? missing,
            point.map {
                .interval($0.accuracy, lower: $0.interval.lower, upper: $0.interval.upper, digits: 1)
            } ?? missing,
        ]
    }

    /// Everything of both tables, for programs.
    private var wholeTable: Table {
        let accuracies = analysis.options.accuracies
        var table = Table(
            columns: [
                "Method", "Setting", "TPF", "NFE", "Inputs", "Accuracy (%)", "AUP", "Curve", "Common AUP",
            ]
            .map { .init($0) }
                + accuracies.flatMap {
                    [.init(MeasureText.heading($0)), .init(MeasureText.heading($0) + " at least")]
                } + [.init("AUP jumps between")])
        for (sweep, row) in zip(sweeps, analysis.rows) {
            table.append(
                [.text(row.label)] + pointCells(sweep, row) + [
                    MeasureText.cell(row.aup, digits: 1), .text("\(row.curve.count)"),
                    row.commonAUP.map { MeasureText.cell($0, digits: 1) } ?? belowCutoff,
                ]
                    + zip(accuracies, row.speeds).flatMap { accuracy, speed -> [Table.Cell] in
                        [
                            speed.map { MeasureText.cell($0.tpf, digits: 2) } ?? Self.notReached(accuracy),
                            .text(speed?.isLowerBound == true ? "yes" : ""),
                        ]
                    } + [.text(Self.jumps(row))])
        }
        return table
    }

    private var notes: [String] {
        var notes = [
            "TPF@A: tokens per forward where the curve through all settings falls below A % accuracy, n = \(problems); "
                + "≥ where the fastest setting is still so accurate. Claims on it are steadier than on AUP.",
            "AUP: alpha 3, y_max \(FixedPoint.text(analysis.best, digits: 1)), settings within 5 points of the curve's own slowest (upstream's rule). "
                + "Common AUP: within \(MeasureName.number(analysis.options.commonCutoff)) points of the best accuracy of the table. n = \(reported).",
            "Bootstrap 95 % intervals over problems; they don't cover other training seeds.",
        ]
        if let agreementNote { notes.append(agreementNote) }
        if analysis.rows.contains(where: { $0.edge != nil || $0.commonEdge != nil }) {
            notes.append(
                "AUP jumps between: settings within one standard error of the cut-off decide whether it is the one or the other; a few other problems would have."
            )
        }
        return notes
    }

    private var pointNotes: [String] {
        var notes = [
            "Setting: the fastest with accuracy >= \(FixedPoint.text(analysis.target, digits: 1)) % (reference less "
                + "\(FixedPoint.text(margin, digits: 1)) points) on the calibration half; every number is of the other half, n = \(reported).",
            "TPF: tokens up to and including the first end token over all forward evaluations, whole half. "
                + "NFE: per problem. Inputs: tokens fed to the model per problem, fewer with a cache.",
            "Accuracy: Wilson 95 % interval. Curve: settings on the calibration half's frontier.",
        ]
        if let taskLimit {
            notes.append(
                "The task's own limit: an exact decoder that computes one link of the dependency chain per forward reaches at most TPF \(FixedPoint.text(taskLimit, digits: 1))."
            )
        }
        return notes
    }

    private var claimTable: ClaimTable {
        ClaimTable(
            entries: claims.map { claim in
                .init(
                    claim: claim, effect: claim.result.effect, verdict: claim.verdict,
                    reason: Self.reason(claim.result))
            }, notes: ClaimTable.notes(interval: "paired bootstrap 95 % interval over problems"))
    }

    private static func reason(_ result: EffectResult) -> String {
        if case .notReached(let sides) = result { return "not reached: \(sides.joined(separator: ", "))" }
        return "a side has no measurement"
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

    /// The measures, for stages that put several comparisons together.
    private var comparison: Comparison {
        Comparison(
            methods: analysis.rows.map { row in
                .init(
                    label: row.label, aup: row.aup.value, commonAUP: row.commonAUP?.value,
                    tpf: row.tpf?.value,
                    accuracy: row.point?.accuracy,
                    speeds: zip(analysis.options.accuracies, row.speeds).map { accuracy, speed in
                        .init(
                            accuracy: accuracy,
                            reading: speed.map { .init(tpf: $0.tpf.value, isLowerBound: $0.isLowerBound) })
                    })
            }, claims: claims, reported: reported, teacher: teacher)
    }

    var metrics: JSONValue {
        let rows = analysis.rows.map { row -> (String, JSONValue) in
            let speeds = zip(analysis.options.accuracies, row.speeds).map {
                accuracy, speed -> (String, JSONValue) in
                (
                    MeasureName.number(accuracy),
                    speed.map { ["tpf": .number($0.tpf.value), "atLeast": .bool($0.isLowerBound)] } ?? .null
                )
            }
            func edge(_ edge: CutoffEdge?) -> JSONValue {
                edge.map { ["without": .number($0.without), "with": .number($0.with)] } ?? .null
            }
            return (
                row.label,
                [
                    "aup": .number(row.aup.value), "aupOfAll": .number(row.aupOfAll),
                    "commonAUP": row.commonAUP.map { .number($0.value) } ?? .null,
                    "edge": edge(row.edge), "commonEdge": edge(row.commonEdge),
                    "speeds": .object(JSONObject(speeds)),
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
