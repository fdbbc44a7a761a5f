package import ArtifactStore
package import Runs
internal import Training
internal import Transformers

/// What a recipe makes of an answer.
struct DistillationLoad {
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
    func load(response: Double) -> DistillationLoad {
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
        var cost = TrainingCost(phases: [steps], checkpointSeconds: checkpointSeconds)
        cost.averages = average != nil
        cost.model = teacher
        cost.adapter = adapter.map {
            AdapterCost(
                $0, configuration, weightBytes: context.facts(of: teacher).count(.weightBytes) ?? 4,
                computesInHalf: precision == .bfloat16)
        }
        let problems = data[.train] ?? answers[.answers] ?? 0
        let reading = context.seconds(of: ModelWork.readProblem.work, times: problems) ?? 0
        return cost.forecast(context, besides: reading, problems: problems)
    }
}
