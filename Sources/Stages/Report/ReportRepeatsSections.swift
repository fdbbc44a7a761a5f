internal import Reporting

/// The sections of repeats of a comparison: table, areas, main effects.
struct ReportRepeatsSections {
    let repeats: ReportedRepeats
    let roles: ReportRoles

    var sections: [ReportSection] {
        [table] + spread
            + (ReportComparisonSections.effects(
                repeats.claims, over: "\(repeats.count) repeats", id: "repeated-effects",
                title: "What each part adds, over repeats"
            ).map { [$0] }
                ?? [])
    }

    /// Whose the spread is and what more repeats could tell, for planning the next run.
    private var spread: [ReportSection] {
        func section(_ id: String, _ title: String, _ recorded: ReportedRepeats.Recorded?, _ note: String)
            -> [ReportSection]
        {
            guard let recorded else { return [] }
            return [
                ReportSection(id, title) {
                    ReportTable(
                        caption: title, columns: recorded.columns.map { .init($0) },
                        rows: recorded.rows.map { ReportTable.Row($0.map { .text($0) }) }, notes: [note]
                    ).html
                }
            ]
        }
        return section(
            "variance", "Spread of the effects", repeats.variance,
            "Standard deviations by the method of moments: percent for ratios, else the measure's unit.")
            + section("power", "What so many repeats can tell", repeats.power, PowerText.note)
    }

    private var table: ReportSection {
        ReportSection("repeats", "Over \(repeats.count) repeats") {
            ReportTable(
                caption: "Means of \(repeats.count) repeats, each of which trains all models anew",
                columns: [.init("Method")]
                    + (repeats.methods.first?.speeds ?? []).map { .init($0.heading, isNumeric: true) } + [
                        .init("AUP", isNumeric: true), .init("AUP of each", isNumeric: true),
                        .init("TPF", isNumeric: true), .init("Accuracy (%)", isNumeric: true),
                    ],
                rows: repeats.methods.map { method in
                    ReportTable.Row(
                        style: method.label == roles.subject ? "ours" : nil,
                        [
                            .text(method.label)
                        ]
                            + zip(method.speeds, method.reached).map { speed, reached in
                                speed.tpf == nil ? .text("reached in \(reached)") : ReportText.speed(speed)
                            } + [
                                ReportText.interval(method.aup, 1),
                                .text(
                                    method.values.map { FixedPoint.text($0, digits: 0) }.joined(
                                        separator: " / ")),
                                ReportText.interval(method.tpf, 2), ReportText.interval(method.accuracy, 1),
                            ])
                },
                notes: [
                    "Student's 95 % interval over the repeats; where several students share a teacher, over the teachers. TPF, accuracy: at each repeat's own operating point; a dash where a repeat has none."
                ]
            ).html
            HTML.figure(
                DotChart(
                    title: "AUP over repeats", axisTitle: "AUP: mean, 95 % interval, each repeat",
                    rows: repeats.methods.compactMap { method in
                        method.aup.map {
                            .init(method.label, value: $0.value, error: $0.range, values: method.values)
                        }
                    }), width: 680,
                caption:
                    "Means with Student's 95 % interval over the repeats; the small circles are the repeats.")
        }
    }
}
