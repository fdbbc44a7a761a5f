internal import Base
internal import Files
internal import JSON
internal import Measures
internal import Numerics
internal import Reporting
internal import SystemPackage

/// The tables and the figures of repeats of a comparison.
struct ReplicatesReport {
    struct Method {
        let label: String
        /// By teacher.
        let aup: ClusteredMeasure
        /// Nil where a repeat has none.
        let commonAUP: ClusteredMeasure?
        let tpf: ClusteredMeasure?
        let accuracy: ClusteredMeasure?
        let speeds: [Speed]
    }

    /// Tokens per forward at an accuracy, over the repeats.
    struct Speed {
        let accuracy: Double
        let readings: [[TPFAtAccuracy.Reading?]]

        var reached: Int { readings.joined().count { $0 != nil } }
        var isLowerBound: Bool { readings.joined().contains { $0?.isLowerBound == true } }
        /// Nil where a repeat doesn't reach the accuracy.
        var measure: ClusteredMeasure? {
            let found = readings.map { $0.compactMap { $0?.tpf } }
            return reached == readings.joined().count ? ClusteredMeasure(found) : nil
        }
    }

    let title: String
    /// Tables, and the teachers that they are of.
    let count: Int
    let teachers: Int
    let methods: [Method]
    let outcomes: [RepeatedClaim]
    let looks: SequentialLooks?
    /// Different problems behind all accuracies together; nil where a comparison doesn't tell.
    private let problems: Int?

    /// - Parameter comparisons: with the same methods and claims in the same order, at least one.
    init(title: String, comparisons: [Comparison], looks: SequentialLooks? = nil) {
        self.title = title
        self.looks = looks
        count = comparisons.count
        let clusters = Self.clusters(comparisons)
        teachers = clusters.count
        // Students of one teacher answer the same problems, which count once.
        problems =
            comparisons.allSatisfy { $0.reported != nil }
            ? clusters.reduce(0) { $0 + ($1.compactMap(\.reported).max() ?? 0) } : nil
        func measure(_ value: (Comparison) -> Double?) -> ClusteredMeasure? {
            let found = clusters.map { $0.compactMap(value) }
            return zip(found, clusters).allSatisfy { $0.count == $1.count } ? ClusteredMeasure(found) : nil
        }
        methods = comparisons[0].methods.indices.compactMap { i in
            guard let aup = measure({ $0.methods[i].aup }) else { return nil }
            let first = comparisons[0].methods[i]
            return Method(
                label: first.label, aup: aup, commonAUP: measure { $0.methods[i].commonAUP },
                tpf: measure { $0.methods[i].tpf }, accuracy: measure { $0.methods[i].accuracy },
                speeds: first.speeds.map(\.accuracy).map { accuracy in
                    Speed(
                        accuracy: accuracy,
                        readings: clusters.map { cluster in
                            cluster.map { $0.methods[i].speeds.first { $0.accuracy == accuracy }?.reading }
                        })
                })
        }
        outcomes = comparisons[0].claims.indices.map { i in
            RepeatedClaim(clusters.map { $0.map { $0.claims[i] } }, looks: looks)
        }
    }

    /// Tables by teacher, in the order in which teachers appear; a table that doesn't name its teacher has its own.
    private static func clusters(_ comparisons: [Comparison]) -> [[Comparison]] {
        var clusters: [(teacher: String?, tables: [Comparison])] = []
        for comparison in comparisons {
            if let teacher = comparison.teacher,
                let place = clusters.firstIndex(where: { $0.teacher == teacher })
            {
                clusters[place].tables.append(comparison)
            } else {
                clusters.append((comparison.teacher, [comparison]))
            }
        }
        return clusters.map(\.tables)
    }

    /// Writes tables as text, Markdown and CSV, and the figures as SVG.
    func write(to folder: FilePath) throws {
        let claims = claimTable
        var tables = [
            ("table", [table, points], wholeTable), ("claims", [claims.forPeople], claims.forPrograms),
        ]
        var text = [table, points, claims.forPeople]
        if let spread = RepeatedSpread(self) {
            tables += [
                ("variance", [spread.variance], spread.variance),
                ("power", [spread.power], spread.wholePower),
            ]
            text += [spread.variance, spread.power]
        }
        for (name, forPeople, forPrograms) in tables {
            try FileSystem.writeAtomically(
                forPeople.map { MarkdownTableRenderer().render($0) }.joined(separator: "\n"),
                to: folder.appending("\(name).md"))
            try FileSystem.writeAtomically(
                CSVTableRenderer().render(forPrograms), to: folder.appending("\(name).csv"))
        }
        try FileSystem.writeAtomically(
            text.map { TextTableRenderer().render($0) }.joined(separator: "\n"),
            to: folder.appending("table.txt"))
        for (name, chart) in [("aup", aupChart), ("effects", effectChart)] {
            try FileSystem.writeAtomically(
                SVGChartRenderer().render(chart), to: folder.appending("\(name).svg"))
        }
    }

    /// "6 repeats", "12 repeats (4 teachers with 3 students each)".
    var repeatsText: String {
        guard teachers < count else { return "\(count) repeats" }
        return "\(count) repeats (\(teachers) teacher\(teachers == 1 ? "" : "s"), "
            + (teachers == 1
                ? "\(count) students)"
                : "\(FixedPoint.text(Double(count) / Double(teachers), digits: count % teachers == 0 ? 0 : 1)) students each)")
    }

    /// What the intervals are over.
    var intervalText: String {
        if teachers == count { return "Student's 95 % interval over the repeats" }
        return teachers == 1
            ? "Student's 95 % interval over the students of one teacher, which says nothing of other teachers"
            : "Student's 95 % interval over the teachers, each the mean of its students"
    }

    private var accuracies: [Double] { methods.first?.speeds.map(\.accuracy) ?? [] }

    private var table: Table {
        var table = Table(
            title: title,
            columns: [.init("Method")] + accuracies.map { .init(MeasureText.heading($0), alignment: .right) }
                + [
                    .init("AUP", alignment: .right), .init("Common AUP", alignment: .right),
                    .init("AUP of each", alignment: .right),
                ],
            notes: [
                "Geometric means of \(repeatsText) with \(intervalText), on the scale of logarithms.",
                "TPF@A: tokens per forward where the curve falls below A % accuracy; ≥ where in a repeat the fastest setting is still so accurate.",
            ])
        for method in methods {
            table.append(
                [.text(method.label)] + method.speeds.map(speedCell) + [
                    MeasureText.cell(geometric(method.aup), digits: 0),
                    method.commonAUP.map { MeasureText.cell(geometric($0), digits: 0) } ?? Self.missing,
                    .text(list(method.aup, digits: 0)),
                ])
        }
        return table
    }

    private static let missing = Table.Cell.missing(reason: "a repeat has none")

    private func speedCell(_ speed: Speed) -> Table.Cell {
        guard let measurement = measurement(speed) else {
            return .missing(reason: "not reached in \(count - speed.reached) of \(count)")
        }
        return .text(MeasureText.text(measurement, digits: 2, isLowerBound: speed.isLowerBound))
    }

    /// The mean over the repeats; where one of them is a lower bound, there is no upper end.
    private func measurement(_ speed: Speed) -> Measurement? {
        speed.measure.map(geometric).map { mean in
            Measurement(
                mean.value,
                interval: mean.interval.map {
                    $0.lowerBound...(speed.isLowerBound ? .infinity : $0.upperBound)
                })
        }
    }

    private var points: Table {
        var table = Table(
            title: "Operating points",
            columns: [
                .init("Method"), .init("TPF", alignment: .decimal),
                .init("Accuracy", unit: "%", alignment: .decimal),
            ],
            notes: [
                "TPF, accuracy: at each repeat's own operating point, the fastest setting that reaches its target. Accuracy: Wilson's interval with the spread of the repeats."
            ])
        for method in methods { table.append([.text(method.label)] + pointCells(method)) }
        return table
    }

    private func pointCells(_ method: Method) -> [Table.Cell] {
        let missing = Table.Cell.missing(reason: "in a repeat no setting reaches the target")
        return [
            method.tpf.map { MeasureText.cell(geometric($0), digits: 2) } ?? missing,
            method.accuracy.map { MeasureText.cell(accuracy($0), digits: 1) } ?? missing,
        ]
    }

    /// Everything of both tables, for programs.
    private var wholeTable: Table {
        var table = Table(
            columns: ["Method", "AUP", "AUP of each", "TPF", "Accuracy (%)", "Common AUP"].map { .init($0) }
                + accuracies.flatMap {
                    [
                        .init(MeasureText.heading($0)), .init(MeasureText.heading($0) + " at least"),
                        .init(MeasureText.heading($0) + " reached in"),
                    ]
                })
        for method in methods {
            table.append(
                [
                    .text(method.label), MeasureText.cell(geometric(method.aup), digits: 1),
                    .text(list(method.aup, digits: 0)),
                ] + pointCells(method) + [
                    method.commonAUP.map { MeasureText.cell(geometric($0), digits: 1) } ?? Self.missing
                ]
                    + method.speeds.flatMap { speed -> [Table.Cell] in
                        [
                            measurement(speed).map { MeasureText.cell($0, digits: 2) } ?? Self.missing,
                            .text(speed.isLowerBound ? "yes" : ""), .text("\(speed.reached) of \(count)"),
                        ]
                    })
        }
        return table
    }

    /// The geometric mean over teachers; see `RepeatedMeasure.geometric`.
    private func geometric(_ measure: ClusteredMeasure) -> Measurement {
        guard measure.clusters.joined().allSatisfy({ $0 > 0 }) else { return Measurement(measure.mean) }
        let logarithms = ClusteredMeasure(measure.clusters.map { $0.map { Elementary.log($0) } })
        return Measurement(
            Elementary.exp(logarithms.mean),
            interval: logarithms.interval().map {
                Elementary.exp($0.lowerBound)...Elementary.exp($0.upperBound)
            })
    }

    private func accuracy(_ measure: ClusteredMeasure) -> Measurement {
        let values = measure.repeats.values
        guard values.count > 1, let problems else { return Measurement(measure.mean) }
        return Measurement(measure.mean, interval: WilsonInterval(repeats: values, problems: problems).range)
    }

    private var claimTable: ClaimTable {
        ClaimTable(
            entries: outcomes.map { outcome in
                .init(
                    claim: outcome.claim, effect: outcome.effect, verdict: outcome.verdict,
                    reason: outcome.reason,
                    repeats: (each(outcome), "\(outcome.holding) of \(outcome.measured)"),
                    decidedAfter: looks.map { _ in outcome.decidedAfter.map(String.init) ?? "" })
            },
            notes: ClaimTable.notes(
                interval: looks == nil
                    ? "mean over \(repeatsText) with \(intervalText)"
                    : "mean with Student's interval over \(teachers < count ? "teachers" : "repeats")"
            ) + lookNotes)
    }

    private var lookNotes: [String] {
        guard let looks else { return [] }
        let confidences = looks.looks.indices.map {
            "\(looks.looks[$0]): \(FixedPoint.text(100 * looks.confidence(atLook: $0), digits: 1)) %"
        }
        return [
            "Planned looks and the confidence of their intervals (\(confidences.joined(separator: ", "))), so that all together are right with "
                + "\(FixedPoint.text(100 * looks.confidence, digits: 0)) %. What a look decided stays decided."
        ]
    }

    /// The effects of the tables, those of one teacher beside one another: "1.2 / 3.4", "1.2, 1.9 / 3.4, —".
    private func each(_ outcome: RepeatedClaim) -> String {
        let scale = outcome.claim.scale
        return outcome.results.map { results in
            results.map { result in
                result.effect.map {
                    FixedPoint.text(Effect.shown($0.value, scale), digits: EffectText.digits(scale))
                } ?? "—"
            }.joined(separator: ", ")
        }.joined(separator: " / ")
    }

    private var aupChart: DotChart {
        DotChart(
            title: title, axisTitle: "AUP: geometric mean, 95 % interval, each repeat",
            rows: methods.map {
                let mean = geometric($0.aup)
                return .init(
                    $0.label, value: mean.value, error: mean.interval, values: Array($0.aup.clusters.joined())
                )
            })
    }

    /// The claims about ratios; where there are none, those about AUP as differences.
    private var effectChart: DotChart {
        let ratios = outcomes.filter { $0.claim.scale == .ratio }
        let shown = ratios.isEmpty ? outcomes.filter { $0.claim.left.byteText.hasSuffix(".aup") } : ratios
        return DotChart(
            title: ratios.isEmpty ? "Claimed effects on AUP" : "Claimed effects",
            axisTitle: (ratios.isEmpty ? "difference of AUP" : "left over right in percent")
                + ": mean, interval, each repeat",
            reference: 0,
            rows: shown.compactMap { outcome in
                guard let effect = outcome.effect?.shown, let values = outcome.values else { return nil }
                let isBounded =
                    effect.interval.map { $0.lowerBound.isFinite && $0.upperBound.isFinite } ?? false
                return .init(
                    outcome.claim.statement, value: effect.value, error: isBounded ? effect.interval : nil,
                    values: values.clusters.joined().map { Effect.shown($0, outcome.claim.scale) })
            })
    }

    private func list(_ measure: ClusteredMeasure, digits: Int) -> String {
        measure.clusters.map { $0.map { FixedPoint.text($0, digits: digits) }.joined(separator: ", ") }
            .joined(separator: " / ")
    }

    var summary: String {
        methods.map { "\($0.label) \(FixedPoint.text(geometric($0.aup).value, digits: 0))" }.joined(
            separator: ", ")
    }

    var metrics: JSONValue {
        var members: [(String, JSONValue)] = [
            ("repeats", .integer(count)), ("teachers", .integer(teachers)),
            (
                "methods",
                .object(
                    JSONObject(
                        methods.map { method in
                            (
                                method.label,
                                [
                                    "aup": .number(geometric(method.aup).value),
                                    "aupOfEach": .array(method.aup.clusters.joined().map { .number($0) }),
                                    "tpf": method.tpf.map { .number(geometric($0).value) } ?? .null,
                                    "speeds": .object(
                                        JSONObject(
                                            method.speeds.map { speed in
                                                (
                                                    MeasureName.number(speed.accuracy),
                                                    speed.measure.map { .number(geometric($0).value) }
                                                        ?? .null
                                                )
                                            })),
                                    "speedsOfEach": .object(
                                        JSONObject(
                                            method.speeds.map { speed in
                                                (
                                                    MeasureName.number(speed.accuracy),
                                                    .array(
                                                        speed.readings.joined().map {
                                                            $0.map { .number($0.tpf) } ?? .null
                                                        })
                                                )
                                            })),
                                ]
                            )
                        }))
            ),
            (
                "claims",
                .object(JSONObject(outcomes.map { ($0.claim.statement, .string($0.verdict.rawValue)) }))
            ),
            ("spread", .array(outcomes.compactMap(Self.spread))),
        ]
        if let sequential { members.append(("sequential", sequential)) }
        return .object(JSONObject(members))
    }

    /// What `d3llm power` reads.
    private static func spread(_ outcome: RepeatedClaim) -> JSONValue? {
        guard let values = outcome.values, values.repeats.values.count > 1 else { return nil }
        return [
            "claim": .string(outcome.claim.statement), "scale": .string(outcome.claim.scale.rawValue),
            "deviation": .number(values.repeats.deviation), "repeats": .integer(values.repeats.values.count),
        ]
    }

    /// Where the looks stand: what a runner that goes on until all is decided reads.
    private var sequential: JSONValue? {
        guard let looks else { return nil }
        // What isn't reached in one repeat isn't in more either: only what is open can be decided by going on.
        let open = outcomes.filter { $0.verdict == .open }.map(\.claim.statement)
        let (decision, until): (String, Int?) =
            switch looks.decision(open: open, repeats: teachers) {
            case .decided: ("decided", nil)
            case .spent: ("spent", nil)
            case .goOn(let until, _): ("go on", until)
            }
        let last = max(0, looks.looks(withRepeats: teachers).count - 1)
        return [
            "repeats": .integer(teachers), "looks": .array(looks.looks.map { .integer($0) }),
            "confidence": .number(looks.confidence(atLook: last)), "decision": .string(decision),
            "until": until.map { .integer($0) } ?? .null, "open": .array(open.map { .string($0) }),
        ]
    }
}
