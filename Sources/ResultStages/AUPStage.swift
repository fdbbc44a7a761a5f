package import ArtifactStore
internal import Base
internal import DataStages
internal import Decoding
internal import DecodingStages
internal import Documents
internal import Evaluation
internal import Files
internal import JSON
internal import Measures
package import Recipes
internal import Reporting
package import Runs
internal import StageBasics
internal import SystemPackage
internal import Tokenizers

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
                hint: NearestName.nearest(to: label, among: curves.map(\.label)).map {
                    "Did you mean \"\($0)\"?"
                }
                    ?? "The labels are \(curves.map(\.label).joined(separator: ", ")).")
        }
        for claim in claims {
            for side in [claim.left, claim.right]
            where !(MeasureName(side).map { known.contains($0.label) } ?? false) {
                fields.reject(
                    "claims",
                    "The claim \"\(claim.statement)\" speaks of \"\(side)\", which is no measure of a curve.",
                    hint: MeasureName.nearest(to: side, labels: curves.map(\.label)).map {
                        "Did you mean \"\($0)\"?"
                    }
                        ?? "A measure is \(MeasureName.forms); the labels are \(curves.map(\.label).joined(separator: ", "))."
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

/// Which answers a comparison counts, and what counts as right.
///
/// Where the data says what is right, answers to the questions that have a grader. Where it doesn't for any, an answer
/// is right if it is the reference's own, the teacher's at one token per forward: the agreement with it stands in for
/// accuracy.
struct AnsweredQuestions {
    /// The reference's answers by question; nil where answers are graded.
    private let texts: [ByteText: ByteText]?

    init(reference: [SampleRecord]) {
        texts =
            reference.contains(where: \.isGraded)
            ? nil
            : Dictionary(
                reference.map { ($0.id.byteText, $0.text.byteText.trimmed) },
                uniquingKeysWith: { first, _ in first })
    }

    /// A sentence for those who read the table; nil where answers are graded.
    var note: String? {
        texts.map { _ in
            "The data has no reference answers: accuracy here is agreement, the share of answers that are the reference run's word for word."
        }
    }

    /// The records that count, with what is right.
    ///
    /// - Throws: ``DataError`` where a setting's answers are graded and the reference's aren't, or the other way round.
    func of(_ records: [SampleRecord], _ setting: String) throws(DataError) -> [SampleRecord] {
        guard let texts else {
            let graded = records.filter(\.isGraded)
            guard graded.isEmpty, !records.isEmpty else { return graded }
            throw DataError(
                description:
                    "The answers of \(setting) aren't graded, and those of the reference are. Compare runs over the same data."
            )
        }
        return records.map { $0.judged(texts[$0.id.byteText] == $0.text.byteText.trimmed) }
    }
}

extension SampleRecord {
    /// The same measurement with another verdict.
    fileprivate func judged(_ isRight: Bool) -> SampleRecord {
        SampleRecord(
            id: id, correct: isRight, tokensBeforeEnd: tokensBeforeEnd, nfe: nfe, forwards: forwards,
            tokensForwarded: tokensForwarded, text: text, promptHash: promptHash)
    }
}

/// Names of the settings of one curve, from the recipes of their artifacts and nothing else.
///
/// What a stage is called isn't in its recipe: a table that showed it could be two tables of one fingerprint. So a
/// setting is called by what tells it from the others of its method ("threshold 0.8"), and by the method where it is
/// the only one of it ("vanilla").
enum SettingNames {
    /// One name for each recipe, in their order; two are the same only where nothing in the recipes differs.
    static func of(_ recipes: [JSONValue]) -> [String] {
        let points = recipes.map(Point.init)
        var groups: [String: [Point]] = [:]
        for point in points { groups[point.method, default: []].append(point) }
        let sweeps = groups.mapValues(Differences.init)
        let namesMethods = sweeps.values.count { !$0.isEmpty } > 1
        return points.map { point in
            guard let sweep = sweeps[point.method], !sweep.isEmpty else { return point.method }
            return (namesMethods ? "\(point.method), " : "") + sweep.name(of: point)
        }
    }

    /// A recipe taken apart into what may tell it from others.
    private struct Point {
        /// The decoding method; the kind of the stage where there is none.
        let method: String
        /// Every key of the stage, by its dotted path.
        let keys: [String: String]
        /// The artifacts that it was made from, by key.
        let inputs: [String: String]

        init(_ recipe: JSONValue) {
            let kind = recipe["kind"]?.string ?? ""
            method = recipe["config"]?["decoder"]?["method"]?.string ?? kind
            var keys = ["kind": kind, "seed": SettingNames.text(recipe["seed"] ?? .null)]
            Self.collect(recipe["config"] ?? [:], at: "", into: &keys)
            self.keys = keys
            inputs = Dictionary(
                (recipe["inputs"]?.object?.members ?? []).map { ($0.key, SettingNames.text($0.value)) },
                uniquingKeysWith: { first, _ in first })
        }

        private static func collect(_ value: JSONValue, at path: String, into keys: inout [String: String]) {
            guard let members = value.object?.members, !members.isEmpty || path.isEmpty else {
                keys[path] = SettingNames.text(value)
                return
            }
            for member in members {
                collect(member.value, at: path.isEmpty ? member.key : "\(path).\(member.key)", into: &keys)
            }
        }

        /// The key's value; where it isn't in the recipe, the one that the method then takes.
        func value(of key: String) -> String? {
            if let value = keys[key] { return value }
            guard key.byteText.hasPrefix("decoder."), let method = try? DecodingMethod.named(method) else {
                return nil
            }
            let option = method.options.first { "decoder.\($0.key)" == key }
            return option?.defaultValue.map(SettingNames.text)
        }
    }

    /// What settings of one method differ in.
    private struct Differences {
        /// In the order of the alphabet, because a recipe's keys have none.
        let keys: [String]
        /// Those that are needed besides, where several settings have the same keys.
        let inputs: [String]

        /// Whether all are one and the same.
        var isEmpty: Bool { keys.isEmpty && inputs.isEmpty }

        init(_ points: [Point]) {
            func differing(_ names: Set<String>, _ value: (Point, String) -> String?) -> [String] {
                names.filter { name in Set(points.map { value($0, name) }).count > 1 }.sorted()
            }
            let keys = differing(Set(points.flatMap(\.keys.keys))) { $0.value(of: $1) }
            let inputs = differing(Set(points.flatMap(\.inputs.keys))) { $0.inputs[$1] }
            let told = Set(points.map { point in keys.map { point.value(of: $0) } }).count
            let all = Set(
                points.map { point in keys.map { point.value(of: $0) } + inputs.map { point.inputs[$0] } })
            self.keys = keys
            self.inputs = told == all.count ? [] : inputs
        }

        /// "threshold 0.8, model f348fa55a9a4".
        func name(of point: Point) -> String {
            let last = keys.map { String($0.byteText.split(".").last?.text ?? "") }
            let own = zip(keys, last).map { key, short in
                let label = last.count { $0 == short } == 1 ? short : key
                return point.value(of: key).map { "\(label) \($0)" } ?? "no \(label)"
            }
            // As many digits as folders have.
            let artifacts = inputs.map { key in
                point.inputs[key].map { "\(key) \($0.prefix(12))" } ?? "no \(key)"
            }
            return (own + artifacts).joined(separator: ", ")
        }
    }

    /// A value as configurations write it, text without its quotes.
    private static func text(_ value: JSONValue) -> String {
        value.string ?? (try? value.canonicalBytes()).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

extension AUPStage {
    /// The bootstrap over all settings, on the half of the problems that is reported.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let settings = curves.flatMap(\.artifacts)
        let problems = settings.reduce(0.0) { $0 + (context.facts(of: $1)[.test] ?? 0) }
        guard problems > 0 else { return nil }
        let seconds = context.seconds(of: ModelWork.bootstrap.work, times: problems * Double(resamples))
        let reading = context.seconds(of: ModelWork.readProblem.work, times: problems)
        return StageForecast(
            seconds: seconds.map { $0 + (reading ?? 0) },
            memory: Int(clamped: MemoryModel.program + problems * 500), disk: 100_000)
    }
}

/// Its artifact is a cheap function of its inputs: to check it is to make it again.
extension AUPStage: QuickStage {}
