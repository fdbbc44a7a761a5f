internal import Documents
package import JSON
internal import Measures
package import Reporting
package import SystemPackage

/// Points that somebody published after the leaderboard, or measured: of any method, benchmark and base.
package struct LaterPoints: Sendable {
    /// One method's points on one benchmark.
    package struct Row: Sendable {
        package let method: String
        package let task: String
        /// The board that it belongs to: `LLaDA`, `Dream`, or another of its own.
        package let base: String
        /// Tokens per forward and accuracy in percent.
        package let points: [(tpf: Double, accuracy: Double)]
        /// The AUP that the source gives, by its own formula.
        package let area: Double?
        /// Where they are from, with what is to be known of them.
        package let source: String
    }

    package let rows: [Row]

    /// What rows without a base are listed under.
    static let otherBase = "other models"

    /// Reads a file like `configs/published/later.json`.
    ///
    /// - Throws: `FileError`, `JSONSyntaxError`, `PublishedDataError` with the place of the mistake.
    package init(file: FilePath) throws {
        let root = try NodeReader(file: file)
        try root.allow(["title", "sources", "rows"])
        let sources = Dictionary(
            uniqueKeysWithValues: try root.required("sources").members().map {
                ($0.key, try $0.value.string())
            })
        rows = try root.required("rows").elements().map { row in
            try row.allow(["method", "task", "base", "points", "source", "AUP", "note"])
            let source = try row.required("source")
            guard let named = sources[try source.string()] else {
                let known = sources.keys.sorted().joined(separator: ", ")
                throw source.error("There is no source \"\(try source.string())\". There are \(known).")
            }
            let points = try row.required("points").elements().map { point -> (Double, Double) in
                let numbers = try point.numbers()
                guard numbers.count == 2, numbers[0] > 0, (0...100).contains(numbers[1]) else {
                    throw point.error("A point is tokens per forward, above 0, and accuracy in percent.")
                }
                return (numbers[0], numbers[1])
            }
            guard !points.isEmpty else { throw try row.required("points").error("A row needs a point.") }
            return Row(
                method: try row.required("method").string(), task: try row.required("task").string(),
                base: try row["base"]?.string() ?? Self.otherBase, points: points,
                area: try row["AUP"]?.number(),
                source: try named + (row["note"].map { "; \(try $0.string())" } ?? ""))
        }
    }
}

/// The leaderboard with later points: each area under the best accuracy of the larger board, and under the method's own.
///
/// A method that is more accurate than all before lowers every other method's area, though nothing of theirs has changed.
package struct LargerLeaderboard: Sendable {
    package struct Entry: Sendable {
        package let base: String
        package let task: String
        package let method: String
        package let points: [(tpf: Double, accuracy: Double)]
        /// As the leaderboard gives it, or the source by its own formula; nil where none is given.
        package let published: Double?
        /// Under the best accuracy of the leaderboard as it was published; nil for what came later.
        package let before: Double?
        /// Under the best accuracy of all.
        package let now: Double
        /// Under the method's own best accuracy.
        package let own: Double
        package let source: String
    }

    /// By base, benchmark and area, the largest first.
    package let entries: [Entry]

    /// - Throws: `AUPError` for points that are no curve.
    package init(_ board: Leaderboard, _ later: [LaterPoints]) throws {
        typealias Curve = (
            base: String, task: String, method: String, points: [(tpf: Double, accuracy: Double)],
            published: Double?, before: Double?, source: String
        )
        var curves: [Curve] = board.entries.map {
            (
                $0.base.title, $0.column.label, $0.row.label, $0.points, $0.published, $0.recomputed,
                "the leaderboard"
            )
        }
        curves += later.flatMap(\.rows).map {
            ($0.base, $0.task, $0.method, $0.points, $0.area, nil, $0.source)
        }
        func key(_ curve: Curve) -> [String] { [curve.base, curve.task] }
        var best: [[String]: Double] = [:]
        for curve in curves {
            best[key(curve)] = max(best[key(curve)] ?? 0, curve.points.map(\.accuracy).max() ?? 0)
        }
        // What begins a method's curve on the board is accurate, too.
        for base in board.bases {
            for column in base.table.columns {
                let place = [base.title, column.label]
                best[place] = max(best[place] ?? 0, Leaderboard.best(base.table, column))
            }
        }
        let found = try curves.map { curve in
            func area(_ yMax: Double) throws -> Double {
                try AUP.area(
                    tpf: curve.points.map(\.tpf), accuracy: curve.points.map(\.accuracy), yMax: yMax)
            }
            let own = curve.points.map(\.accuracy).max() ?? 0
            return Entry(
                base: curve.base, task: curve.task, method: curve.method, points: curve.points,
                published: curve.published, before: curve.before, now: try area(best[key(curve)] ?? own),
                own: try area(own),
                source: curve.source)
        }
        // Boards in the order in which they first appear.
        var order: [[String]: Int] = [:]
        for curve in curves where order[key(curve)] == nil { order[key(curve)] = order.count }
        entries = found.enumerated().sorted { a, b in
            let places = (
                order[[a.element.base, a.element.task]] ?? 0, order[[b.element.base, b.element.task]] ?? 0
            )
            if places.0 != places.1 { return places.0 < places.1 }
            return (b.element.now, a.offset) < (a.element.now, b.offset)
        }.map(\.element)
    }

    /// All areas.
    package var table: Table {
        var table = Table(
            title: "Accuracy under parallelism, with points published later",
            columns: [
                .init("Model"), .init("Benchmark"), .init("Method"), .init("TPF", alignment: .decimal),
                .init("Accuracy", unit: "%", alignment: .decimal),
                .init("Published AUP", alignment: .decimal), .init("AUP of the board", alignment: .decimal),
                .init("AUP now", alignment: .decimal),
                .init("AUP, own best", alignment: .decimal), .init("Source"),
            ],
            notes: [
                "Published AUP: as the source gives it; LightningRL and MBD have formulas of their own. AUP of the board: under the best accuracy of the published leaderboard. AUP now: with the later points on the same board. Own best: under the method's own best accuracy, so that others change nothing.",
                "Alpha 3, offset 5; a curve of one point counts as if it were as accurate from the start. TPF and accuracy are those of the fastest point. Nothing here was measured; models, prompts and counts of forwards differ between sources.",
            ])
        for entry in entries {
            guard let last = entry.points.max(by: { $0.tpf < $1.tpf }) else { continue }
            func number(_ area: Double?) -> Table.Cell { area.map { .number($0, digits: 1) } ?? .text("—") }
            table.append([
                .text(entry.base), .text(entry.task), .text(entry.method), .number(last.tpf, digits: 2),
                .number(last.accuracy, digits: 2), number(entry.published), number(entry.before),
                .number(entry.now, digits: 1), .number(entry.own, digits: 1), .text(entry.source),
            ])
        }
        return table
    }

    /// The same for programs.
    package var value: JSONValue {
        [
            "entries": .array(
                entries.map { entry in
                    [
                        "model": .string(entry.base), "benchmark": .string(entry.task),
                        "method": .string(entry.method),
                        "points": .array(entry.points.map { [.number($0.tpf), .number($0.accuracy)] }),
                        "published": entry.published.map { .number($0) } ?? .null,
                        "board": entry.before.map { .number($0) } ?? .null, "now": .number(entry.now),
                        "ownBest": .number(entry.own), "source": .string(entry.source),
                    ]
                })
        ]
    }
}
