import ArtifactStore
internal import Audit
internal import Base
internal import Files
internal import JSON
internal import Recipes
internal import Reporting
internal import Runs
internal import StageBasics
internal import SystemPackage
internal import Training
internal import TrainingStages

/// How models were trained: losses from their logs, schedules from their recipes.
struct ReportTraining {
    /// What is drawn of one model at most: a page of twenty models would be all curves.
    private static let modelLimit = 8
    /// Points of a curve at most; more steps are averaged.
    private static let pointLimit = 60

    let source: ReportSource
    private let models: [(item: RunContents.Item, log: [Line])]
    private let left: Int

    init(_ source: ReportSource) {
        self.source = source
        let all = source.items(.model)
        models = all.prefix(Self.modelLimit).map { item in
            (item, item.artifact.flatMap { try? Line.read($0.folder.appending("training.jsonl")) } ?? [])
        }
        left = max(0, all.count - Self.modelLimit)
    }

    /// One line of a log: means over a stretch of steps.
    struct Line {
        let phase: String
        let step: Int
        let loss: Double
        let norm: Double
        let factor: Double
        let groups: [(name: String, crossEntropy: Double, entropy: Double)]

        /// The lines of a log; those that aren't of one are left out.
        static func read(_ path: FilePath) throws -> [Line] {
            try FileSystem.readText(path, limit: FileLimit.data).byteText.split("\n").map(\.text).compactMap {
                text in
                guard let root = try? JSONDocument(parsing: Array(text.utf8), name: path.string).root,
                    let phase = root["phase"]?.string, let step = root["step"]?.int,
                    TrainingLog.counts.contains(step), let loss = root["loss"]?.double
                else { return nil }
                return Line(
                    phase: phase, step: step, loss: loss, norm: root["gradientNorm"]?.double ?? .nan,
                    factor: root["learningRateFactor"]?.double ?? .nan,
                    groups: (root["groups"]?.array ?? []).compactMap { group in
                        guard let name = group["name"]?.string, let loss = group["crossEntropy"]?.double
                        else {
                            return nil
                        }
                        return (name, loss, group["entropy"]?.double ?? 0)
                    })
            }
        }
    }

    var section: ReportSection? {
        guard !models.isEmpty else { return nil }
        return ReportSection("training", "Training") {
            for (item, log) in models { block(item, log) }
            if left > 0 {
                HTML.paragraph(
                    "\(ReportText.count(left, "more model")) of this run aren't drawn: repeats of these, or further ones."
                )
            }
        }
    }

    private func block(_ item: RunContents.Item, _ log: [Line]) -> HTML {
        guard !log.isEmpty else {
            return .group([
                .element(.h3, text: item.entry.stage),
                .paragraph("The artifact has no log of its training."),
            ])
        }
        // Steps count from 1 in each phase; here from the beginning.
        var offset = 0.0
        var last = (phase: "", step: 0)
        let steps = log.map { line -> Double in
            if line.phase != last.phase, last.phase != "" { offset += Double(last.step) }
            last = (line.phase, line.step)
            return offset + Double(line.step)
        }
        let schedule = TrainingSchedule(source.contents.implementation(of: item), seed: seed(item))
        let groups = log.flatMap { $0.groups.map(\.name) }.reduce(into: [String]()) {
            if !$0.contains($1) { $0.append($1) }
        }
        func curve(_ name: String, _ value: (Line) -> Double?) -> LineChart.Series {
            .init(
                name,
                points: Self.thinned(zip(steps, log).compactMap { x, line in value(line).map { (x, $0) } }))
        }
        func group(_ line: Line, _ name: String) -> (name: String, crossEntropy: Double, entropy: Double)? {
            line.groups.first { $0.name == name }
        }
        var charts = [
            chart(
                "Loss", "loss",
                [curve("total") { $0.loss }]
                    + groups.map { name in curve(name) { group($0, name)?.crossEntropy } })
        ]
        let entropic = groups.filter { name in log.contains { (group($0, name)?.entropy ?? 0) > 0 } }
        if !entropic.isEmpty {
            charts.append(
                chart("Entropy", "nats", entropic.map { name in curve(name) { group($0, name)?.entropy } }))
        }
        charts.append(chart("Learning rate, share of the largest", "share", [curve("rate") { $0.factor }]))
        charts += schedule.curves.map { part in
            chart(part.title, part.unit, [.init(part.name, points: Self.thinned(part.points))])
        }
        let phases = log.map(\.phase).reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } }
        return .group([
            .element(.h3, text: item.entry.stage),
            .paragraph(
                "\(item.artifact?.record.summary ?? ""). \(phases.count > 1 ? "Phases: \(ReportText.list(phases)). " : "")\(schedule.note)"
            ),
            .element(.div, [.class("charts")], charts),
        ])
    }

    private func seed(_ item: RunContents.Item) -> UInt64 {
        UInt64(max(0, item.artifact?.record.recipe["seed"]?.int ?? 0))
    }

    private func chart(
        _ title: String, _ unit: String, _ series: [LineChart.Series]
    ) -> HTML {
        .figure(
            LineChart(title: title, xTitle: "step", yTitle: unit, series: series), width: 330, height: 250,
            caption: title)
    }

    /// Means of neighbouring points where there are more than can be told apart.
    private static func thinned(_ points: [(Double, Double)]) -> [LineChart.Point] {
        let size = max(1, (points.count + pointLimit - 1) / pointLimit)
        return stride(from: 0, to: points.count, by: size).map { start in
            let part = points[start..<min(points.count, start + size)]
            let n = Double(part.count)
            return .init(x: part.reduce(0) { $0 + $1.0 } / n, y: part.reduce(0) { $0 + $1.1 } / n)
        }
    }
}

/// What a training recipe did over its steps, computed from the recipe and its seed as the training did.
struct TrainingSchedule {
    struct Curve {
        let title: String
        /// What the legend calls it.
        let name: String
        let unit: String
        let points: [(Double, Double)]
    }

    private(set) var curves: [Curve] = []
    /// What can't be drawn, as a sentence; empty where all can.
    private(set) var note = ""

    init(_ stage: (any StageDescription)?, seed: UInt64) {
        switch stage {
        case let stage as DistillStage: distillation(stage, seed: seed)
        case let stage as PretrainStage:
            var step = 0.0
            var points: [(Double, Double)] = []
            for phase in stage.phases {
                points += [
                    (step + 1, Double(phase.windowLength)),
                    (step + Double(phase.steps), Double(phase.windowLength)),
                ]
                step += Double(phase.steps)
            }
            if stage.phases.count > 1 {
                curves = [
                    Curve(
                        title: "Window of the masked objectives", name: "window", unit: "tokens",
                        points: points)
                ]
            }
        default:
            note = "Mask ratio and window aren't drawn: the run has no configuration to compute them from."
        }
    }

    private mutating func distillation(_ stage: DistillStage, seed: UInt64) {
        guard let recipe = stage.recipe as? D3LLMRecipe else {
            note =
                "The recipe \(stage.recipeName.rawValue) has no schedule of mask ratio or window."
            return
        }
        let steps = stage.steps
        let ratios = (0..<steps).map { step in
            (Double(step + 1), recipe.noise.ratio(step: step, of: steps, seed: seed))
        }
        let lengths = recipe.windowLengths
        let windows = (0..<steps).map { step -> (Double, Double) in
            let epoch = Double(step) / Double(steps) * Double(lengths.count)
            return (Double(step + 1), Double(Curriculum.windowLength(lengths, epoch: epoch)))
        }
        curves = [
            Curve(title: "Mask ratio", name: "ratio", unit: "share", points: ratios),
            Curve(title: "Window", name: "window", unit: "tokens", points: windows),
        ]
    }
}
