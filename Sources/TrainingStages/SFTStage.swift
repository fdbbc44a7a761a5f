package import ArtifactStore
internal import DataStages
internal import Evaluation
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

/// Fine-tunes a model on worked answers or text: supervised fine-tuning as LLaDA's (arXiv 2502.09992, algorithm 2), or
/// next-token prediction.
package struct SFTStage: StageKind {
    package static let name = "sft"
    package static let version = 1
    package static let summary =
        "Fine-tunes a model, made here or a checkpoint, on a data set's responses or on text: all parameters, or an adapter."
    package static let output = ArtifactType.model
    package static let followsThreads = true

    let model: ArtifactReference
    let data: ArtifactReference
    let rows: TrainingRows
    let steps: Int
    let batchSize: Int
    let objective: PretrainingObjective
    let windowLength: Int
    let blocks: BlockFields
    let changes: StartingModel.Changes
    let adapter: AdapterFields?
    let optimizer: OptimizerFields
    let loop: LoopFields

    package init(_ fields: Fields) {
        model = fields.artifact("model", types: [.model], "The model that training starts from.")
        data = fields.artifact(
            "data", types: [.dataset],
            "Data set whose part to train on is learnt: own questions or text, a benchmark's training split, generated problems."
        )
        rows = TrainingRows(fields) {
            $0.option(
                "generationLength", default: 128, in: 1...65_536, "Tokens of a response, padding included.")
        }
        steps = fields.integer("steps", default: 300, in: 1...10_000_000, "Optimiser steps.")
        batchSize = fields.integer("batch", default: 32, in: 1...65_536, "Rows per step.")
        objective = fields.choice(
            "objective", default: .llada,
            "What rows are trained on: llada (masked at a ratio, weighted by its inverse), masked-uniform (the same unweighted), "
                + "masked-window, autoregressive, for models that predict the next token, end-token (dLLM-Var), or, for models that see blocks, "
                + "complementary-blocks (Fast-dLLM v2), next-block (NBDiff), block-ratio (SDAR) and multi-block (MultiTF)."
        )
        windowLength = fields.option(
            "windowLength", default: 32, in: 1...65_536, "Window of the objective masked-window, in tokens.")
        fields.condition(
            "windowLength", isUsed: objective == .maskedWindow, with: "the objective \(objective.rawValue)",
            user: "the objective masked-window")
        blocks = BlockFields(fields, [objective])
        changes = StartingModel.Changes(fields)
        adapter = AdapterFields.read(fields)
        optimizer = fields.object("optimizer", "How the parameters are updated.") {
            OptimizerFields(
                $0, learningRate: 1e-4, decay: 0.1, warmup: 20, decayShare: 0.3, kind: .adamw,
                rule: .matrices, beta2: 0.999)
        }
        if adapter != nil { optimizer.rejectForAdapters(fields) }
        if adapter != nil {
            changes.reject(
                fields,
                maskToken:
                    "An adapter leaves the model's tokens and attention as they are; train all parameters to give it a mask token.",
                template:
                    "An adapter leaves the model's files as they are; train all parameters to give it another template."
            )
        }
        loop = LoopFields(fields)
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let set = DataSet(context.folder(of: data), name: "\(data)")
        let trained: Int
        let losses: [LossReport.Group]
        if let adapter {
            // Its needs are those of a starting model that stays what it is.
            let tuned = try TrainedModel(
                model, adapter: adapter, needs: objective == .autoregressive ? .end : .all, context)
            let base = tuned.model
            try check(base.configuration)
            let examples = try rows.examples(set, base.encoder, end: base.tokens.end)
            losses = try train(
                tuned.trainee, examples, base.configuration, mask: base.maskToken, context
            ) { tuned.optimizer(optimizer, threads: context.threads) }
            try tuned.write(context)
            trained = tuned.trainee.trained.count
        } else {
            let base = try StartingModel(
                context.folder(of: model), changes, objectives: [objective])
            try check(base.configuration)
            if let note = base.note { context.log(note) }
            let examples = try rows.examples(set, base.encoder, end: base.end)
            let parameters = base.parameters
            losses = try train(
                FullTraining(parameters), examples, base.configuration, mask: base.mask, context
            ) { optimizer.make(base.configuration, family: base.family, threads: context.threads) }
            try base.write(try Transformer(over: parameters), to: context.output)
            trained = parameters.buffer.count
        }
        return result(losses, trained: trained)
    }

    /// Refuses what the model can't learn.
    private func check(_ configuration: TransformerConfiguration) throws(DataError) {
        try rows.check(configuration)
        try PretrainingObjective.check([objective], "\(model)", configuration.attention)
        if objective != .autoregressive, configuration.attention == .causal {
            throw DataError(
                description:
                    "\(model) attends to what is before each token only, so that an adapter can't teach it to fill masks; train all parameters with \"maskToken\", or choose the objective autoregressive."
            )
        }
        if objective == .autoregressive || objective == .nextBlock, !configuration.logitShift {
            throw DataError(
                description:
                    "Each row of \(model)'s logits predicts its own token, as LLaDA's do, so that it can't learn to predict the next one; choose another \"objective\"."
            )
        }
    }

    private func train(
        _ trainee: any Trainee, _ examples: [TrainingExample], _ configuration: TransformerConfiguration,
        mask: Int32, _ context: StageContext, makeOptimizer: @escaping () -> any Optimizer
    ) throws -> [LossReport.Group] {
        let batcher = PretrainingBatcher(
            shares: [.init(objective, rows: batchSize, weight: 1)], windowLength: windowLength,
            // The loss of LLaDA's fine-tuning counts padding as other tokens; next-token prediction learns where to end.
            paddingWeight: 0, maskToken: mask, blockLength: blocks.length, groupSize: blocks.groupSize)
        let seed = context.seed
        let order = OrderBox(ShuffledOrder(count: examples.count, seed: seed, purpose: "sft"))
        let learnt = examples.reduce(0) { $0 + $1.learntCount }
        context.log(
            "\(examples.count) rows with \(learnt) tokens to learn, \(FixedPoint.text(Double(steps * batchSize) / Double(examples.count), digits: 1)) epochs."
        )
        return try TrainingLoop(
            context: context, trainee: trainee,
            phases: [
                TrainingLoop.Phase(
                    name: Self.name, steps: steps, schedule: optimizer.schedule(steps: steps),
                    maximumNorm: optimizer.maximumNorm, makeOptimizer: makeOptimizer,
                    batch: { step in
                        var draws = RandomStream(seed: seed, purpose: "sft", sample: UInt64(step))
                        let chosen = (0..<batchSize).map {
                            examples[order.value.index(step * batchSize + $0)]
                        }
                        return batcher.batch(chosen, configuration, &draws)
                    })
            ], settings: loop
        ).run()
    }

    /// What the losses of the last steps come to.
    func result(_ losses: [LossReport.Group], trained: Int) -> StageResult {
        let loss = losses.first?.crossEntropy ?? 0
        var metrics: JSONObject = [
            "steps": .integer(steps), "trainedParameters": .integer(trained), "loss": .number(loss),
        ]
        if let average = loop.average { metrics["averagedSteps"] = .integer(average.count(of: steps)) }
        return StageResult(
            summary:
                "\(steps) steps of \(batchSize) rows, \(objective.rawValue) loss \(FixedPoint.text(loss, digits: 3))"
                + (loop.average.map { ", \($0.sentence(steps: steps))" } ?? ""),
            metrics: .object(metrics))
    }
}

extension SFTStage: RecomputableStage {
    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        let losses = try TrainingLog.finalGroups(
            in: artifact.appending("training.jsonl"), phases: [(Self.name, steps)])
        return result(
            losses,
            trained: try TrainedModel.trainedParameters(of: artifact, isAdapted: adapter != nil))
    }
}

extension SFTStage {
    /// The shape of the result is that of the model, but for a token that it gets.
    package func facts(_ context: ForecastContext) -> Facts { context.facts(of: model) }

    /// Steps over rows of one record each, or of packed text.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let data = context.facts(of: data)
        guard let configuration = context.facts(of: model).configuration,
            let prompt = data[.promptTokens]
        else { return nil }
        let learnt = objective.meanLossRows(response: rows.learnt, windowLength: windowLength)
        let fed = rows.tokens(prompt: prompt) * Double(objective.streams)
        let steps = TrainingCost.Steps(
            count: steps,
            batch: PassShape(
                configuration, sequences: batchSize, tokens: fed, logitRows: learnt),
            keepsActivations: false, isMuon: optimizer.kind == .muon)
        return loop.forecast(
            [steps], from: model, adapter: adapter, problems: data[.train] ?? 0, context)
    }
}
