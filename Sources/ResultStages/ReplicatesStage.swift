package import ArtifactStore
internal import Files
internal import JSON
internal import Measures
package import Recipes
internal import Reporting
package import Runs
internal import StageBasics
internal import SystemPackage
internal import Tokenizers

/// Puts the same comparison of several repeats together: means with intervals over the repeats, and verdicts from them.
package struct ReplicatesStage: StageKind {
    package static let name = "replicates"
    package static let version = 2
    package static let summary =
        "Puts the tables of several seeds together: means with intervals over the seeds, and a verdict for each claim."
    package static let output = ArtifactType.summary

    let tables: [ArtifactReference]
    let title: String
    let looks: SequentialLooks?

    package init(_ fields: Fields) {
        tables = fields.artifactList(
            "tables", types: [.table], "The tables of the repeats, with the same methods and claims.")
        title = fields.string(
            "title", default: "Accuracy under parallelism", "Title of the table and the figure.")
        let planned = fields.optionalIntegers(
            "looks", in: 2...10_000,
            "Numbers of repeats, rising, after which the claims are judged, with intervals wide enough for several looks; teachers count where students share one. One look at all unless it is given."
        )
        do {
            looks = try planned.map { try SequentialLooks(looks: $0) }
        } catch {
            looks = nil
            fields.reject("looks", "\(error)")
        }
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let comparisons = try tables.map { try Comparison(folder: context.folder(of: $0)) }
        guard let first = comparisons.first else { throw DataError(description: "there are no tables") }
        for (table, comparison) in zip(tables, comparisons) {
            guard comparison.methods.map(\.label) == first.methods.map(\.label),
                comparison.claims.map(\.statement) == first.claims.map(\.statement)
            else {
                throw DataError(
                    description: "the table \(table) has other methods or claims than \(tables[0]); "
                        + "only repeats of one comparison can be put together")
            }
        }
        let report = ReplicatesReport(title: title, comparisons: comparisons, looks: looks)
        try report.write(to: context.output)
        return StageResult(summary: report.summary, metrics: report.metrics, report: "table.txt")
    }
}

extension ReplicatesStage {
    /// Reading a few tables.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        StageForecast(
            seconds: 0.02 * Double(tables.count), memory: Int(MemoryModel.program), disk: 50_000)
    }
}

/// Its artifact is a cheap function of its inputs: to check it is to make it again.
extension ReplicatesStage: QuickStage {}
