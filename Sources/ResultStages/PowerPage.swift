package import ArtifactStore
internal import Audit
package import JSON
internal import Measures
package import Recipes
internal import Reporting
internal import Runs
internal import StageBasics

/// What so many repeats can tell, before they are made: from the spread that a finished run had, or a stated one.
package struct PowerPage: Sendable {
    private struct Entry {
        let name: String
        let deviation: Double
        let scale: Effect.Scale
    }

    private let entries: [Entry]
    private let isStated: Bool
    private let looks: SequentialLooks?

    /// The claims of a run's repeats, each with the spread that it had.
    ///
    /// - Throws: ``DataError`` where the run has no repeats, no claim with two independent ones, or looks don't rise.
    package init(_ location: RunLocation, registry: StageRegistry, looks: [Int] = []) throws {
        self.looks = try Self.planned(looks)
        let source = ReportSource(contents: try RunContents(location, registry: registry))
        entries = source.items(.summary).flatMap { item in
            (item.artifact?.record.metrics["spread"]?.array ?? []).compactMap { node -> Entry? in
                guard let name = node["claim"]?.string, let deviation = node["deviation"]?.double,
                    let scale = node["scale"]?.string.flatMap({ Effect.Scale(rawValue: $0) })
                else { return nil }
                return Entry(name: name, deviation: deviation, scale: scale)
            }
        }
        isStated = false
        if entries.isEmpty {
            throw DataError(
                description:
                    "the run \(location.address) has no claim with two independent repeats, so that their spread isn't known; "
                    + "state it instead: d3llm power --sd 4")
        }
    }

    /// Stated standard deviations of paired log ratios, in percent.
    package init(percent deviations: [Double], looks: [Int] = []) throws {
        self.looks = try Self.planned(looks)
        entries = deviations.map {
            Entry(name: "SD \(FixedPoint.text($0, digits: 1)) %", deviation: $0 / 100, scale: .ratio)
        }
        isStated = true
    }

    private static func planned(_ looks: [Int]) throws -> SequentialLooks? {
        do {
            return looks.isEmpty ? nil : try SequentialLooks(looks: looks)
        } catch {
            throw DataError(description: "\(error)")
        }
    }

    /// 2 to 16 repeats at 95 %, or the planned looks, each at its own confidence.
    private var powers: [Power] {
        looks.map { looks in
            looks.looks.indices.map {
                Power(repeats: looks.looks[$0], confidence: looks.confidence(atLook: $0))
            }
        } ?? Power.table
    }

    /// Stated spreads have a row for each number of repeats, the claims of a run a row each.
    package var text: String {
        let notes =
            [PowerText.note]
            + (looks == nil
                ? [] : ["Each look with the confidence that it has of 95 % for all; see docs/measures.md."])
        var table: Table
        if isStated {
            table = Table(
                title: "What so many repeats can tell",
                columns: [.init("Repeats", alignment: .right)]
                    + entries.map { .init($0.name, alignment: .right) },
                notes: notes)
            for power in powers {
                table.append(
                    [.text("\(power.repeats)")]
                        + entries.map { .text(PowerText.cell(power, $0.deviation, $0.scale)) })
            }
        } else {
            let shown = looks == nil ? powers.filter { PowerText.shown.contains($0.repeats) } : powers
            table = Table(
                title: "What so many repeats can tell",
                columns: [.init("Claim"), .init("SD", alignment: .right)]
                    + shown.map { .init("n = \($0.repeats)", alignment: .right) },
                notes: notes)
            for entry in entries {
                table.append(
                    [.text(entry.name), .text(PowerText.deviation(entry.deviation, entry.scale))]
                        + shown.map { .text(PowerText.cell($0, entry.deviation, entry.scale)) })
            }
        }
        return TextTableRenderer().render(table)
    }

    /// All numbers of repeats; ratios in percent.
    package var value: JSONValue {
        [
            "looks": looks.map { .array($0.looks.map { .integer($0) }) } ?? .null,
            "claims": .array(
                entries.map { entry in
                    [
                        "name": .string(entry.name), "scale": .string(entry.scale.rawValue),
                        "deviation": .number(entry.scale == .ratio ? 100 * entry.deviation : entry.deviation),
                        "repeats": .array(
                            powers.map { power in
                                [
                                    "repeats": .integer(power.repeats),
                                    "halfWidth": .number(
                                        Effect.shown(power.halfWidth * entry.deviation, entry.scale)),
                                    "smallestEffect": .number(
                                        Effect.shown(power.smallestEffect * entry.deviation, entry.scale)),
                                ]
                            }),
                    ]
                }),
        ]
    }
}
