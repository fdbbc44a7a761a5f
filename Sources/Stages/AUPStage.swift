internal import ArtifactStore
internal import Evaluation
internal import Files
internal import JSON
package import Recipes
internal import Reporting
package import Runs
internal import SystemPackage

/// Compares methods over their sweeps: TPF, NFE, accuracy and AUP per method, and a verdict for each claim.
package struct AUPStage: StageKind {
    package static let name = "aup"
    package static let version = 5
    package static let summary =
        "Puts the sweeps of several methods into one table: speed at fixed accuracies, AUP, intervals, a verdict for each claim."
    package static let output = ArtifactType.table

    let curves: [LabelledArtifacts]
    let reference: ArtifactReference
    let data: ArtifactReference
    let margin: Double
    let resamples: Int
    let claims: [ClaimFields]
    let subject: String?
    let baseline: String?
    let accuracies: [Double]?
    let commonCutoff: Double?

    package init(_ fields: Fields) {
        curves = fields.artifacts(
            "curves", types: [.samples], "For each method its sweep, or several to be joined.")
        reference = fields.artifact(
            "reference", types: [.samples],
            "The run whose accuracy, less the margin, is the target: the teacher at one token per forward.")
        data = fields.artifact(
            "data", types: [.dataset],
            "The data set, for the task's own limit on parallelism; a benchmark has none that is known.")
        margin = fields.number(
            "margin", default: 2, in: 0.0...100.0, "Points of accuracy that a fast setting may lose.")
        resamples = fields.integer("resamples", default: 1000, in: 40...1_000_000, "Rounds of the bootstrap.")
        claims = fields.objects(
            "claims", "What is claimed, each with its tolerance, written down before the run."
        ) { ClaimFields($0) }
        subject = fields.optionalString(
            "subject", "Label of the curve that reports judge and highlight; \"d3LLM\" unless it is given.")
        baseline = fields.optionalString(
            "baseline", "Label of the curve that reports set it beside; \"vanilla\" unless it is given.")
        accuracies = fields.optionalNumbers(
            "accuracies", in: 0.1...100,
            "Accuracies in percent at which speeds are shown; 95, 90 and 80 unless they are given. Claims may speak of others."
        )
        commonCutoff = fields.optionalNumber(
            "commonCutoff", in: 0.0...100,
            "Points below the table's best accuracy down to which settings count for the common AUP; 20 unless it is given."
        )
        let known = Set(curves.map(\.label))
        for (key, label) in [("subject", subject), ("baseline", baseline)] {
            guard let label, !known.contains(label) else { continue }
            fields.reject(
                key, "\"\(label)\" is no curve.",
                hint: "The labels are \(curves.map(\.label).joined(separator: ", ")).")
        }
        for claim in claims {
            for side in [claim.left, claim.right]
            where !(MeasureName(side).map { known.contains($0.label) } ?? false) {
                fields.reject(
                    "claims",
                    "The claim \"\(claim.statement)\" speaks of \"\(side)\", which is no measure of a curve.",
                    hint:
                        "A measure is \(MeasureName.forms); the labels are \(curves.map(\.label).joined(separator: ", "))."
                )
            }
        }
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let referenceRecords = try records(context.folder(of: reference))
        let measured = AnsweredQuestions(reference: referenceRecords)
        if let note = measured.note { context.log(note) }
        let sweeps = try curves.map { curve in
            let names = SettingNames.of(curve.artifacts.map { context.record(of: $0).recipe })
            return Sweep(
                label: curve.label,
                settings: try zip(names, curve.artifacts).map { name, artifact in
                    .init(
                        name: name, records: try measured.of(records(context.folder(of: artifact)), name))
                })
        }
        let unmoved = Self.unmoved(sweeps)
        for note in unmoved { context.log("warning: \(note), so that its sweep chooses between equals") }
        let target =
            try CurvePoint(measured.of(referenceRecords, "\(reference)").calibrationHalf).accuracy - margin
        let analysis = try SweepAnalysis(
            sweeps,
            .init(
                target: target, accuracies: accuracies ?? SweepAnalysis.Options.accuracies,
                commonCutoff: commonCutoff ?? SweepAnalysis.Options.commonCutoff, resamples: resamples,
                seed: context.seed),
            measures: claims.flatMap { [$0.left, $0.right] }.compactMap { MeasureName($0) })
        let limit = try taskLimit(context, referenceRecords)
        let report = AUPReport(
            sweeps: sweeps, analysis: analysis, claims: claims.map { $0.judged(analysis) }, margin: margin,
            taskLimit: limit, teacher: teacher(context), agreementNote: measured.note)
        try report.write(to: context.output)
        return StageResult(
            summary: analysis.rows.map { "\($0.label) \(FixedPoint.text($0.aup.value, digits: 0))" }.joined(
                separator: ", ") + unmoved.map { "; \($0)" }.joined(),
            metrics: report.metrics, report: "table.txt")
    }

    /// The model of the reference run, by which repeats with one teacher are known.
    private func teacher(_ context: StageContext) -> String {
        let record = context.record(of: reference)
        return record.recipe["inputs"]?["model"]?.string ?? record.fingerprint
    }

    /// The curves whose settings all gave the same answers in the same way: what was varied did nothing.
    static func unmoved(_ sweeps: [Sweep]) -> [String] {
        sweeps.filter { sweep in
            sweep.settings.count > 1 && Set(sweep.settings.map(\.records)).count == 1
        }.map { "all \($0.settings.count) settings of \($0.label) gave the same samples" }
    }

    private func records(_ folder: FilePath) throws -> [SampleRecord] {
        let path = folder.appending("samples.jsonl")
        return try Journal.read(path).map { line in
            guard let record = SampleRecord(line.value) else {
                throw DamagedFileError(path, "the record of \(line.key) isn't the result of a problem.")
            }
            return record
        }
    }

    /// Tokens per forward that an exact decoder could reach at one link of the dependency chain per forward, with
    /// the reference run's own answers.
    private func taskLimit(_ context: StageContext, _ records: [SampleRecord]) throws -> Double? {
        let set = DataSet(context.folder(of: data), name: "\(data)")
        guard !set.hasTasks else { return nil }
        let problems = try ProblemFile.read(set.folder.appending("test.jsonl"))
        let depths = Dictionary(
            problems.compactMap { problem in problem.dependencyDepth.map { (problem.id, $0) } },
            uniquingKeysWith: { first, _ in first })
        let known = records.compactMap { record in depths[record.id].map { (record.tokensBeforeEnd, $0) } }
        return Problem.tokensPerForwardBound(answerTokens: known.map(\.0), depths: known.map(\.1))
    }
}
