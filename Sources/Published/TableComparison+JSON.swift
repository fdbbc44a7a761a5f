package import JSON

extension TableComparison {
    /// For programs: every entry with its keys, and the counts of the verdicts.
    package var value: JSONValue {
        func optional(_ number: Double?) -> JSONValue { number.map { .number($0) } ?? .null }
        return [
            "table": .string(table.name), "title": .string(table.title), "source": .string(table.source),
            "experiment": table.experiment.map(JSONValue.string) ?? .null,
            "run": run.map(JSONValue.string) ?? .null,
            "verdicts": .object(
                JSONObject(Verdict.allCases.map { ($0.rawValue, .integer(count($0))) })),
            "entries": .array(
                entries.map { entry in
                    [
                        "row": .string(entry.row.key), "column": .string(entry.column.key),
                        "metric": .string(entry.metric), "published": entry.published,
                        "reproduced": optional(entry.reproduced),
                        "interval": entry.interval.map {
                            [.number($0.lowerBound), .number($0.upperBound)]
                        } ?? .null,
                        "difference": optional(entry.difference), "tolerance": optional(entry.tolerance),
                        "noise": optional(entry.noise), "verdict": .string(entry.verdict.rawValue),
                        "reason": entry.reason.map(JSONValue.string) ?? .null,
                    ]
                }),
        ]
    }
}
