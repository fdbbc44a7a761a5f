package import ArtifactStore
internal import DataStages
internal import DecodingStages
internal import JSON
internal import ModelStages
internal import Numerics
package import Recipes
internal import Reporting
package import Runs
internal import StageBasics
package import SystemPackage
internal import Training
internal import Transformers

/// Trains a student, which starts as a copy of the teacher, on the teacher's own decoded answers.
package struct DistillStage: StageKind {
    package static let name = "distill"
    package static let version = 3
    package static let summary =
        "Distils a student from a teacher's answers, by d3LLM's, dParallel's, D2F's or TAD's recipe."
    package static let output = ArtifactType.model
    package static let followsThreads = true

    let teacher: ArtifactReference
    let trajectories: ArtifactReference
    package let data: ArtifactReference?
    package let steps: Int
    package let batchSize: Int
    package let recipeName: DistillationRecipes
    package let recipe: any DistillationRecipe
    let adapter: AdapterFields?
    let optimizer: OptimizerFields
    let loop: LoopFields

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
        loop = LoopFields(fields)
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let student = try TrainedModel(teacher, adapter: adapter, context)
        if case .blockCausal(_, let length) = student.model.configuration.attention {
            throw DataError(
                description:
                    "\(teacher) sees the blocks of \(length) tokens up to a token's own; the recipes of distill are for models that see the whole sequence. Train it with pretrain or sft and an objective with blocks."
            )
        }
        let rows = try AnswerRow.read(
            trajectories: context.folder(of: trajectories),
            data: data.map { DataSet(context.folder(of: $0), name: "\($0)") }, student.model,
            readings: recipe.readings)
        let losses = try TrainingLoop(
            context: context, trainee: student.trainee,
            phases: [phase(rows, student, context)],
            settings: loop
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
        if let average = loop.average { metrics["averagedSteps"] = .integer(average.count(of: steps)) }
        return StageResult(
            summary:
                "\(steps) steps over \(answers) answers (\(FixedPoint.text(epochs, digits: 1)) epochs), \(shown)"
                + (loop.average.map { ", \($0.sentence(steps: steps))" } ?? ""),
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

/// What a recipe makes of an answer.
package struct DistillationLoad {
    /// Sequences per answer.
    var sequences: Int
    /// Tokens per sequence that the loss is taken at, on the mean.
    var lossRows: Double
    /// Whether the loss has an entropy term, which is a mean over rows that are known only after all forwards.
    var hasEntropy: Bool
    /// Whether the teacher computes its distributions for each batch.
    var asksTeacher = false
}

extension D3LLMRecipe {
    /// Half of a window of the mean length, once as the mask has it and once the other way round.
    package func load(response: Double) -> DistillationLoad {
        let window =
            window == .whole
            ? response : Double(windowLengths.reduce(0, +)) / Double(max(1, windowLengths.count))
        return DistillationLoad(
            sequences: objective.usesComplement ? 2 : 1,
            lossRows: min(window * Double(1 + ahead), response) / 2,
            hasEntropy: objective.entropyWeight != 0)
    }
}

extension DParallelRecipe {
    /// The masked share of a block, and the rest of it.
    func load(response: Double) -> DistillationLoad {
        DistillationLoad(
            sequences: 2, lossRows: min(response, objective.blockLength.map(Double.init) ?? response) / 2,
            hasEntropy: objective.entropyWeight != 0)
    }
}

extension D2FRecipe {
    /// Blocks are masked more and more, half on the mean; the teacher sees the same input.
    func load(response: Double) -> DistillationLoad {
        DistillationLoad(
            sequences: 1, lossRows: response / 2, hasEntropy: false, asksTeacher: target == .teacher)
    }
}

extension DistillStage {
    /// The shape of the student is that of its teacher.
    package func facts(_ context: ForecastContext) -> Facts { context.facts(of: teacher) }

    /// Steps over batches of answers, each as many sequences as the recipe makes of it.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let data = data.map { context.facts(of: $0) } ?? [:]
        let answers = context.facts(of: trajectories)
        guard let configuration = context.facts(of: teacher).configuration,
            let prompt = data[.promptTokens] ?? answers[.promptTokens]
        else { return nil }
        let response = answers[.responseTokens] ?? 48
        let load = recipe.load(response: response)
        func shape(_ sequences: Int) -> PassShape {
            PassShape(
                configuration, sequences: sequences, tokens: prompt + response, logitRows: load.lossRows)
        }
        let steps = TrainingCost.Steps(
            count: steps, batch: shape(batchSize * load.sequences), keepsActivations: load.hasEntropy,
            isMuon: optimizer.kind == .muon, forwards: load.asksTeacher ? shape(batchSize) : nil)
        return loop.forecast(
            [steps], from: teacher, adapter: adapter, problems: data[.train] ?? answers[.answers] ?? 0,
            context)
    }
}
