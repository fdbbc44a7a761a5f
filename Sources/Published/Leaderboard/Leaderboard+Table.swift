package import JSON
package import Reporting

extension Leaderboard {
    /// How many areas agree, as a sentence.
    package var summary: String {
        let differing = entries.filter { !$0.agrees }
        let names = differing.map { "\($0.row.label) on \($0.column.label)" }.joined(separator: ", ")
        return
            "\(entries.count - differing.count) of \(entries.count) published areas agree with their curves"
            + (differing.isEmpty ? "." : "; \(names) does not.")
    }

    /// All areas: published, computed again, and whether they agree.
    package var table: Table {
        var table = Table(
            title: "Accuracy under parallelism, published and computed again",
            columns: [
                .init("Model"), .init("Benchmark"), .init("Method"), .init("TPF", alignment: .decimal),
                .init("Accuracy", unit: "%", alignment: .decimal),
                .init("Published AUP", alignment: .decimal), .init("Recomputed", alignment: .decimal),
                .init("Difference", alignment: .decimal), .init("Verdict"),
            ],
            notes: [
                summary,
                "Computed from each method's published points with alpha 3, offset 5 and the best accuracy of the "
                    + "benchmark on that model. Agreement is within \(FixedPoint.text(Self.rounding, digits: 3)).",
            ])
        for entry in entries {
            guard let last = entry.points.last else { continue }
            table.append([
                .text(entry.base.title), .text(entry.column.label), .text(entry.row.label),
                .number(last.tpf, digits: 2), .number(last.accuracy, digits: 2),
                .number(entry.published, digits: 2), .number(entry.recomputed, digits: 2),
                .number(entry.recomputed - entry.published, digits: 3),
                .text(entry.agrees ? "agrees" : "differs"),
            ])
        }
        return table
    }

    /// The same for programs.
    package var value: JSONValue {
        [
            "areas": .integer(entries.count), "agree": .integer(entries.count { $0.agrees }),
            "entries": .array(
                entries.map { entry in
                    [
                        "model": .string(entry.base.key), "benchmark": .string(entry.column.key),
                        "method": .string(entry.row.key),
                        "points": .array(
                            entry.points.map { [.number($0.tpf), .number($0.accuracy)] }),
                        "published": .number(entry.published), "recomputed": .number(entry.recomputed),
                        "agrees": .bool(entry.agrees),
                    ]
                }),
        ]
    }
}
