internal import ArtifactStore
internal import JSON
internal import Numerics
package import Recipes
internal import Reporting
package import Runs
package import SystemPackage
internal import Training
internal import Transformers

/// Trains a student, which starts as a copy of the teacher, on the teacher's own decoded answers.
package struct DistillStage: StageKind {
    package static let name = "distill"
    package static let version = 3
    package static let summary =
        "Distils a student from a teacher's answers, by d3LLM's, dParallel's or D2F's recipe."
    package static let output = ArtifactType.model
    package static let followsThreads = true

    let teacher: ArtifactReference
    let trajectories: ArtifactReference
    let data: ArtifactReference?
    let steps: Int
    let batchSize: Int
    let recipeName: DistillationRecipes
    let recipe: any DistillationRecipe
    let adapter: AdapterFields?
    let optimizer: OptimizerFields
    let average: WeightAverage.Options?
    let precision: TrainingPrecision?
    let checkpointSeconds: Double

    package init(_ fields: Fields) {
        teacher = fields.artifact("teacher", types: [.model], "The model that the student starts from.")
        trajectories = fields.artifact(
            "trajectories", types: [.trajectories], "The teacher's answers and their order.")
        data = fields.optionalArtifact(
            "data", types: [.dataset],
            "Data set that the trajectories' prompts come from; not needed where they hold their prompts, as imported ones do and those over a benchmark's or own questions."
        )
        steps = fields.integer("steps", default: 300, in: 1...10_000_000, "Optimiser steps.")
        batchSize = fields.integer("batch", default: 32, in: 1...65_536, "Answers per step.")
        (recipeName, recipe) = DistillationRecipes.read(fields)
        adapter = AdapterFields.read(fields)
        optimizer = fields.object("optimizer", "How the parameters are updated.") {
            OptimizerFields(
                $0, learningRate: 5e-4, decay: 0.01, warmup: 20, decayShare: 0.3, kind: .adamw,
                rule: .upstream, beta2: 0.999)
        }
        if adapter != nil { optimizer.rejectForAdapters(fields) }
        average = AverageFields.read(fields)
        precision = TrainingLoop.precision(fields)
        checkpointSeconds = TrainingLoop.checkpointSeconds(fields)
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let student = try TrainedModel(teacher, adapter: adapter, context)
        let rows = try AnswerRow.read(
            trajectories: context.folder(of: trajectories),
            data: data.map { DataSet(context.folder(of: $0), name: "\($0)") }, student.model)
        let losses = try TrainingLoop(
            context: context, trainee: student.trainee,
            phases: [phase(rows, student, context)],
            precision: precision ?? .float32, average: average, checkpointInterval: checkpointSeconds
        ).run()
        try student.write(context)
        return result(losses, answers: rows.count, trained: student.trainee.trained.count)
    }

    private func phase(
        _ rows: [AnswerRow], _ student: TrainedModel, _ context: StageContext
    ) -> TrainingLoop.Phase {
        let seed = context.seed
        let order = OrderBox(ShuffledOrder(count: rows.count, seed: seed, purpose: "distill"))
        return TrainingLoop.Phase(
            name: recipeName.rawValue, steps: steps, schedule: optimizer.schedule(steps: steps),
            maximumNorm: optimizer.maximumNorm,
            makeOptimizer: { student.optimizer(optimizer, threads: context.threads) },
            batch: { index in
                let chosen = (0..<batchSize).map { rows[order.value.index(index * batchSize + $0)] }
                let step = DistillationStep(
                    index: index, count: steps, rows: chosen, teacher: student.model, seed: seed,
                    threads: context.threads)
                return recipe.batch(step)
            })
    }

    /// What the losses of the last steps come to.
    func result(_ losses: [LossReport.Group], answers: Int, trained: Int) -> StageResult {
        let epochs = Double(steps * batchSize) / Double(answers)
        let shown = losses.map {
            "\($0.name) CE \(FixedPoint.text($0.crossEntropy, digits: 3))"
                + ($0.entropy > 0 ? ", entropy \(FixedPoint.text($0.entropy, digits: 3))" : "")
        }.joined(separator: "; ")
        let numbers = losses.flatMap {
            [
                ("\($0.name).crossEntropy", JSONValue.number($0.crossEntropy)),
                ("\($0.name).entropy", .number($0.entropy)),
            ]
        }
        var metrics: JSONObject = [
            "steps": .integer(steps), "answers": .integer(answers), "epochs": .number(epochs),
            "trainedParameters": .integer(trained), "losses": .object(JSONObject(numbers)),
        ]
        if let average { metrics["averagedSteps"] = .integer(average.count(of: steps)) }
        return StageResult(
            summary:
                "\(steps) steps over \(answers) answers (\(FixedPoint.text(epochs, digits: 1)) epochs), \(shown)"
                + (average.map { ", \($0.sentence(steps: steps))" } ?? ""),
            metrics: .object(metrics))
    }
}

extension DistillStage: RecomputableStage {
    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        let losses = try TrainingLog.finalGroups(
            in: artifact.appending("training.jsonl"), phases: [(recipeName.rawValue, steps)])
        var answers = 0
        try Journal.forEach(TrajectoriesStage.journal(of: context.folder(of: trajectories))) { record in
            if TrajectoryRecord(record.value)?.isUsed ?? false { answers += 1 }
        }
        return result(
            losses, answers: answers,
            trained: try TrainedModel.trainedParameters(of: artifact, isAdapted: adapter != nil))
    }
}
