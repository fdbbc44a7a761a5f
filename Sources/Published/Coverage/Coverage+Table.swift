internal import Evaluation
package import JSON
package import Reporting
internal import SystemPackage

extension Coverage {
    /// How many items of a kind are in each state.
    package func counts(_ kind: CoverageItem.Kind) -> [(state: CoverageItem.State, count: Int)] {
        CoverageItem.State.allCases.map { state in
            (state, entries.count { $0.item.kind == kind && $0.item.state == state })
        }
    }

    /// All items, and below the shares of each kind.
    package var table: Table {
        var table = Table(
            title: "Coverage of the papers",
            columns: [
                .init("Work"), .init("Kind"), .init("Item"), .init("State"),
                .init("Cells", alignment: .right), .init("Verdict here"), .init("On published numbers"),
                .init("Configuration"), .init("Why"),
            ], notes: summary + [note])
        for entry in entries {
            let item = entry.item
            table.append([
                .text(item.work), .text(item.kind.rawValue), .text(item.title), .text(item.state.rawValue),
                .text(entry.cells.map { "\($0.covered) of \($0.all)" } ?? ""), .text(entry.verdict ?? ""),
                .text(entry.publishedVerdict?.rawValue ?? ""), .text(item.config ?? ""), .text(item.reason),
            ])
        }
        return table
    }

    /// One sentence for each kind: how many items it has, and the share in each state.
    package var summary: [String] {
        CoverageItem.Kind.allCases.compactMap { kind in
            let counts = counts(kind)
            let all = counts.reduce(0) { $0 + $1.count }
            guard all > 0 else { return nil }
            let shares = counts.filter { $0.count > 0 }.map { state, count in
                "\(count) \(state.rawValue) (\(FixedPoint.text(100 * Double(count) / Double(all), digits: 0)) %)"
            }
            return "\(all) \(kind.rawValue)s: \(shares.joined(separator: ", "))."
        }
    }

    /// The same for programs.
    package var value: JSONValue {
        func text(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
        return [
            "note": .string(note),
            "kinds": .object(
                JSONObject(
                    CoverageItem.Kind.allCases.map { kind in
                        let counts = counts(kind)
                        let all = max(1, counts.reduce(0) { $0 + $1.count })
                        return (
                            kind.rawValue,
                            .object(
                                JSONObject(
                                    counts.map {
                                        (
                                            $0.state.rawValue,
                                            [
                                                "count": .integer($0.count),
                                                "percent": .number(100 * Double($0.count) / Double(all)),
                                            ]
                                        )
                                    }))
                        )
                    })),
            "items": .array(
                entries.map { entry in
                    [
                        "key": .string(entry.item.key), "work": .string(entry.item.work),
                        "kind": .string(entry.item.kind.rawValue), "title": .string(entry.item.title),
                        "state": .string(entry.item.state.rawValue), "table": text(entry.item.table),
                        "config": text(entry.item.config), "reason": .string(entry.item.reason),
                        "coveredCells": entry.cells.map { .integer($0.covered) } ?? .null,
                        "cells": entry.cells.map { .integer($0.all) } ?? .null,
                        "verdict": text(entry.verdict), "record": text(entry.item.record?.file.string),
                        "publishedVerdict": text(entry.publishedVerdict?.rawValue),
                    ]
                }),
        ]
    }
}
