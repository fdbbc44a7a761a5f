package import ArtifactStore
internal import Base
package import JSON
internal import Recipes
package import Reporting

/// Several runs side by side: the settings and the numbers in which they differ.
///
/// They may be of several experiments and several stores. `RunDifference` says of two why they differ.
package struct RunComparison: Sendable {
    /// One run, with all its numbers.
    package struct Side: Sendable {
        package let address: String
        let settings: JSONValue
        let numbers: RunNumbers
        /// How it ended, and why where it failed.
        let state: String
    }

    package let sides: [Side]
    /// Settings that aren't the same in all: path, and a value or nil for each run.
    package let settings: [(path: String, values: [JSONValue?])]
    /// Numbers and verdicts that aren't the same in all.
    package let numbers: [(entry: RunNumbers.Entry, values: [RunNumbers.Value?])]
    /// How many numbers are the same in all runs.
    package let sameCount: Int
    /// How many numbers differ that aren't told, because they aren't those that people look at first.
    package let hiddenCount: Int

    /// Reads the runs.
    ///
    /// - Parameter all: Whether losses, counts and other numbers are told too, not only accuracies, speeds, areas and
    ///   verdicts.
    package init(_ runs: [RunLocation], all: Bool) {
        self.init(
            runs.map { run in
                var reader = NumberReader(run.store)
                return Side(
                    address: run.address, settings: RunHistory.settings(in: run.folder),
                    numbers: reader.numbers(of: run.record, .all),
                    state: run.record.message.map { "\(run.record.status.rawValue): \($0)" }
                        ?? run.record.status.rawValue)
            }, all: all)
    }

    init(_ sides: [Side], all: Bool) {
        self.sides = sides
        let leaves = sides.map { Settings.leaves($0.settings) }
        settings = Self.rows(leaves.map { $0.map { ($0.path, $0.value) } })
            .filter { Settings.isTold($0.name) && Self.differ($0.values) }
            .map { ($0.name, $0.values) }
        var entries: [String: RunNumbers.Entry] = [:]
        for entry in sides.flatMap(\.numbers.entries) where entries[entry.name] == nil {
            entries[entry.name] = entry
        }
        let rows = Self.rows(sides.map { $0.numbers.entries.map { ($0.name, $0.value) } })
        let different = rows.filter { Self.differ($0.values) }.compactMap { row in
            entries[row.name].map { (entry: $0, values: row.values) }
        }
        numbers = different.filter { all || $0.entry.isMain }
        sameCount = rows.count - different.count
        hiddenCount = different.count - numbers.count
    }

    /// The names of all runs in order, each with its value in every run.
    private static func rows<Value>(_ columns: [[(String, Value)]]) -> [(name: String, values: [Value?])] {
        var names: [String] = []
        var seen: Set<String> = []
        for (name, _) in columns.joined() where seen.insert(name).inserted { names.append(name) }
        let values = columns.map { Dictionary($0, uniquingKeysWith: { first, _ in first }) }
        return names.map { name in (name, values.map { $0[name] }) }
    }

    private static func differ<Value: Equatable>(_ values: [Value?]) -> Bool {
        values.dropFirst().contains { $0 != values[0] }
    }
}

extension RunComparison {
    /// The comparison for people: two tables.
    package var tables: [Table] {
        [settingTable, numberTable]
    }

    private func heads(_ first: String, _ alignment: Table.Alignment) -> [Table.Column] {
        let names = sides.map { side -> String in
            // The same experiment needs no name.
            let name = side.address.byteText.cut(atLast: "/")?.after.text ?? side.address
            return isOneExperiment ? name : side.address
        }
        return [.init(first)] + names.map { .init($0, alignment: alignment) }
    }

    private var isOneExperiment: Bool {
        Set(sides.map { $0.address.byteText.cut(atLast: "/")?.before.text }).count == 1
    }

    private var settingTable: Table {
        var table = Table(title: "Settings that differ", columns: heads("Setting", .left))
        for row in settings {
            table.append(
                [.text(row.path)] + row.values.map { .text($0?.shown.shortened(to: 60) ?? "(default)") })
        }
        if settings.isEmpty { table.notes.append("All settings are the same.") }
        table.notes += sides.filter { $0.settings == .null }.map {
            "\($0.address) has no configuration to compare: its record is of an older form, or it was killed at once."
        }
        return table
    }

    private var numberTable: Table {
        var table = Table(title: "Numbers that differ", columns: heads("Number", .decimal))
        for (entry, values) in numbers {
            table.append(
                [.text(entry.name)]
                    + values.map { $0.map { RunNumbers.cell($0, name: entry.name) } ?? .text("—") })
        }
        table.notes =
            sides.filter { $0.state != RunRecord.Status.finished.rawValue }.map {
                "\($0.address) \($0.state)"
            }
            + ["\(sameCount) numbers and verdicts are the same in all."]
        if hiddenCount > 0 {
            table.notes.append("\(hiddenCount) more differ, losses and counts for example: --all tells them.")
        }
        if numbers.contains(where: { $0.values.contains { $0?.hasInterval ?? false } }) {
            table.notes.append("Intervals are those of the stages: Wilson 95 % for accuracies.")
        }
        return table
    }

    /// The comparison as one JSON object.
    package var value: JSONValue {
        [
            "runs": .array(sides.map { .string($0.address) }),
            "settings": .array(
                settings.map { ["path": .string($0.path), "values": .array($0.values.map { $0 ?? .null })] }),
            "numbers": .array(
                numbers.map {
                    [
                        "name": .string($0.entry.name),
                        "values": .array($0.values.map { $0?.json ?? .null }),
                    ]
                }),
            "sameNumbers": .integer(sameCount), "moreNumbers": .integer(hiddenCount),
        ]
    }
}

extension RunNumbers.Value {
    fileprivate var hasInterval: Bool {
        if case .number(_, _?, _?) = self { true } else { false }
    }
}
