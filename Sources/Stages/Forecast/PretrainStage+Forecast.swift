package import ArtifactStore
package import Runs
internal import Training
internal import Transformers

extension PretrainStage {
    /// The shape of the model: from the keys, or that of the model that training goes on from.
    package func facts(_ context: ForecastContext) -> Facts {
        configuration(context).map { Facts($0) } ?? [:]
    }

    /// The steps of all phases, each phase with its own batch.
    ///
    /// Rows of a batch are prompts with padded responses. Of a response, the loss takes all tokens where it is
    /// autoregressive, and half of them, or of a window, where they are masked at a ratio drawn from (0, 1).
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let data = context.facts(of: data)
        guard let configuration = configuration(context), let prompt = data[.promptTokens] else { return nil }
        let tokens = rows.tokens(prompt: prompt)
        let steps = phases.map { phase -> TrainingCost.Steps in
            TrainingCost.Steps(
                count: phase.steps,
                batch: PassShape(
                    configuration, sequences: phase.rows, tokens: tokens,
                    logitRows: phase.meanLossRows(response: rows.learnt)),
                keepsActivations: false, isMuon: phase.isMuon)
        }
        let problems = data[.train] ?? 0
        let reading = context.seconds(of: ModelWork.readProblem.work, times: problems) ?? 0
        var cost = TrainingCost(phases: steps, checkpointSeconds: checkpointSeconds)
        cost.averages = average != nil
        if case .model(let reference, _, _) = start { cost.model = reference }
        return cost.forecast(context, besides: reading, problems: problems)
    }

    private func configuration(_ context: ForecastContext) -> TransformerConfiguration? {
        switch start {
        case .model(let reference, _, _): return context.facts(of: reference).configuration
        case .scratch(let fields, let tokenizer):
            guard let vocabulary = context.facts(of: tokenizer).count(.vocabulary) else { return nil }
            return try? fields.configuration(
                vocabulary: max(8, vocabulary), mask: 0, end: 1, positions: 4096)
        }
    }
}

extension PhaseFields {
    /// Rows of a batch.
    fileprivate var rows: Int { mixture.reduce(0) { $0 + $1.rows } }

    fileprivate var isMuon: Bool { optimizer.kind == .muon }

    /// Tokens per row that the loss is taken at, on the mean.
    fileprivate func meanLossRows(response: Double) -> Double {
        let sum = mixture.reduce(0.0) { sum, share in
            let rows =
                switch share.objective {
                case .autoregressive: response
                case .maskedWindow: min(response, Double(windowLength)) / 2
                case .maskedUniform, .llada: response / 2
                }
            return sum + Double(share.rows) * rows
        }
        return sum / Double(max(1, rows))
    }
}
