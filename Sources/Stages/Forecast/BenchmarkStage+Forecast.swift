internal import Evaluation
internal import JSON
public import Pipeline

extension BenchmarkStage {
    /// Sizes of a benchmark before it is there: problems of the test split, tokens of a prompt, tokens of an answer.
    ///
    /// Answers are as long as LLaDA's in D2F's Table 1. Prompts are estimates for the usual number of examples; one with
    /// five of GSM8K has about 1000 tokens.
    private var expected: (problems: Double, prompt: Double, answer: Double) {
        switch task {
        case .gsm8k: (1319, 110, 231)
        case .longGSM8K: (1319, 100 + 180 * Double(options.examples ?? 5), 231)
        case .math: (5000, 120 + (options.family == .llada ? 150 * Double(options.examples ?? 4) : 0), 243)
        case .humanEval: (164, 200, 107)
        case .mbpp: (500, 180 + (options.family == .llada ? 130 * Double(options.examples ?? 3) : 0), 65)
        }
    }

    /// How many problems there are and how long they and their answers are.
    public func facts(_ context: ForecastContext) -> Facts {
        let made = context.record?.metrics["problems"]?.double.map { max(0, $0) }
        let count = min(limit.map(Double.init) ?? .infinity, expected.problems)
        return [
            .test: made ?? count, .promptTokens: expected.prompt, .responseTokens: expected.answer,
        ]
    }

    /// Reading the file and writing the questions.
    public func forecast(_ context: ForecastContext) -> StageForecast? {
        let count = expected.problems
        return StageForecast(
            seconds: context.seconds(of: ModelWork.readProblem.work, times: count),
            memory: Int(clamped: MemoryModel.program + count * 20_000),
            disk: Int(clamped: count * (500 + 4 * expected.prompt)))
    }
}
