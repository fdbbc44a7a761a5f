package import ArtifactStore
package import Base
internal import Files
internal import JSON
internal import Recipes
package import Reporting
internal import StageBasics
internal import SystemPackage

/// The comparisons of a run as papers lay them out: a row for each method, and for each comparison a group of columns
/// with accuracy, tokens per forward and AUP.
///
/// It shows what the artifacts of `aup` and `replicates` hold, intervals included, and computes nothing.
package struct ComparisonLayout {
    /// The table, with the best of each column standing out.
    package let rendered: Table

    private struct Comparison {
        let stage: String
        let rows: [RecordedCSV.Row]
        /// What its numbers are of, for a note.
        let subject: String
    }

    /// - Throws: ``NoComparisonError`` where the run has none; `DamagedFileError`; `StoreError`; `FileError`.
    package init(_ location: RunLocation) throws {
        let comparisons = try Self.comparisons(location)
        guard !comparisons.isEmpty else { throw NoComparisonError(location) }
        rendered = Self.table(comparisons, location)
    }

    /// The comparisons of a run, in the order of their stages; those that are repeated are shown by their summary.
    private static func comparisons(_ location: RunLocation) throws -> [Comparison] {
        var artifacts: [(stage: String, artifact: Artifact)] = []
        for entry in location.record.stages {
            guard let artifact = try location.store.artifact(of: entry) else { continue }
            let type = artifact.record.type
            guard ArtifactType.table.isCalled(type) || ArtifactType.summary.isCalled(type) else { continue }
            artifacts.append((entry.stage, artifact))
        }
        var repeated: Set<String> = []
        for (_, artifact) in artifacts where ArtifactType.summary.isCalled(artifact.record.type) {
            for table in artifact.record.recipe["inputs"]?["tables"]?.array ?? [] {
                if let table = table.string { repeated.insert(String(table.prefix(64))) }
            }
        }
        return try artifacts.filter { !repeated.contains($0.artifact.record.fingerprint) }.map {
            stage, artifact in
            let metrics = artifact.record.metrics
            let subject =
                metrics["repeats"]?.int.map { "means of \($0) repeats" }
                ?? metrics["reported"]?.int.map { "\($0) problems" } ?? "as recorded"
            return Comparison(
                stage: stage, rows: try RecordedCSV(artifact.folder.appending("table.csv")).rows,
                subject: subject)
        }
    }

    /// The measures, as the columns of the artifacts' tables are called.
    private static let measures: [(recorded: String, title: String, unit: String?, digits: Int)] = [
        ("Accuracy (%)", "Acc.", "%", 1), ("TPF", "TPF", nil, 2), ("AUP", "AUP", nil, 0),
    ]

    private static func table(_ comparisons: [Comparison], _ location: RunLocation) -> Table {
        let hasGroups = comparisons.count > 1
        var methods: [String] = []
        for comparison in comparisons {
            for label in comparison.rows.compactMap({ $0["Method"] }) where !methods.contains(label) {
                methods.append(label)
            }
        }
        var table = Table(
            title: "Accuracy, tokens per forward and AUP of \(location.record.experiment)",
            columns: [.init("Method")]
                + comparisons.flatMap { comparison in
                    measures.map {
                        .init(
                            $0.title, unit: $0.unit, alignment: .decimal,
                            group: hasGroups ? comparison.stage : nil)
                    }
                }, notes: notes(comparisons, location))
        table.label = location.record.experiment
        let rows = methods.map { method in
            comparisons.flatMap { comparison in
                let row = comparison.rows.first { $0["Method"] == method }
                return measures.map { cell(row, $0.recorded, digits: $0.digits) }
            }
        }
        // Of all three, more is better.
        let best = BestCells(rows, better: Array(repeating: (>), count: table.columns.count - 1))
        for (index, method) in methods.enumerated() {
            table.append(
                [.text(method)] + rows[index], emphasis: Set(best.columns(ofRow: index).map { $0 + 1 }))
        }
        return table
    }

    private static func cell(_ row: RecordedCSV.Row?, _ column: String, digits: Int) -> Table.Cell {
        guard let row else { return .missing(reason: "the comparison doesn't have the method") }
        guard let found = row.interval(column) else {
            return .missing(reason: "no setting reaches the target accuracy")
        }
        guard let range = found.range, range.lowerBound.isFinite, range.upperBound.isFinite else {
            return .number(found.value, digits: digits)
        }
        return .interval(
            found.value, lower: range.lowerBound, upper: range.upperBound, digits: digits)
    }

    private static func notes(_ comparisons: [Comparison], _ location: RunLocation) -> [String] {
        [
            "Run: \(location.address). "
                + comparisons.map { "\($0.stage): \($0.subject)" }.joined(separator: "; ") + ".",
            "Acc. and TPF (tokens per forward): at the operating point, the fastest setting that reaches the target accuracy. AUP: of the whole curve. 95 % intervals.",
            "\(BestCells.note(of: "among all methods")), whether or not intervals overlap.",
        ]
    }
}

/// A run that compares no methods, so that there is no table of it.
package struct NoComparisonError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    package let description: String

    init(_ location: RunLocation) {
        description =
            "The run \(location.address) has no comparison of methods to lay out: a stage of kind \"aup\" or \"replicates\" that finished, and whose artifact is in the store, makes one."
    }
}
