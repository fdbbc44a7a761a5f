package import JSON
package import Reporting

extension PublishedTables {
    /// Which tables there are.
    package var overview: Table {
        var table = Table(
            title: "Published tables",
            columns: [
                .init("Name"), .init("Title"), .init("Work"), .init("Kind"),
                .init("Cells", alignment: .right), .init("Experiment"),
            ],
            notes: ["\(tables.reduce(0) { $0 + $1.cellCount }) cells; each is in configs/published."])
        for entry in tables {
            table.append([
                .text(entry.name), .text(entry.title), .text(entry.work), .text(entry.role.rawValue),
                .number(Double(entry.cellCount), digits: 0),
                .text(entry.experiment.map { "configs/\($0).json" } ?? ""),
            ])
        }
        return table
    }

    /// The same for programs.
    package var value: JSONValue {
        [
            "tables": .array(
                tables.map {
                    [
                        "name": .string($0.name), "title": .string($0.title), "work": .string($0.work),
                        "kind": .string($0.role.rawValue), "cells": .integer($0.cellCount),
                        "experiment": $0.experiment.map(JSONValue.string) ?? .null,
                        "source": .string($0.source),
                    ]
                })
        ]
    }
}
