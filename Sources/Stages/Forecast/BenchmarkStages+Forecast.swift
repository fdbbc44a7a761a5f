package import ArtifactStore
internal import Evaluation
internal import JSON
package import Runs
internal import SystemPackage
internal import Transformers

extension BenchmarkStage {
    /// How many problems there are and about how many tokens they have: the file may not be there yet.
    package func facts(_ context: ForecastContext) -> Facts {
        let size = task.size(options.family)
        // The record knows; before it is made the whole split is taken, less the limit.
        let count = context.record?.metrics["problems"]?.double ?? size.problems
        var facts: Facts = [
            .test: min(count, limit.map(Double.init) ?? .infinity), .promptTokens: size.prompt,
            .responseTokens: size.answer, .problemBytes: 4 * size.prompt + 1000,
        ]
        if train != nil { facts[.train] = context.record?.metrics["train"]?.double ?? 7473 }
        return facts
    }

    /// Reading and writing a few megabytes.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let facts = facts(context)
        let bytes = (facts[.test] ?? 0) * (facts[.problemBytes] ?? 0)
        return StageForecast(
            seconds: 2, memory: Int(clamped: MemoryModel.program + 10 * bytes), disk: Int(clamped: bytes))
    }
}

extension BenchmarkStage.Task {
    /// Problems of the test split, and rough means of tokens: prompts of Qwen2.5's tokenizer where data was at hand
    /// (GSM8K, HumanEval), else from the length of the examples; answers as long as LLaDA's in Table 1 of D2F.
    fileprivate func size(_ family: BenchmarkTasks.Family) -> (
        problems: Double, prompt: Double, answer: Double
    ) {
        switch (self, family) {
        case (.gsm8k, _): (1319, 80, 231)
        case (.longGSM8K, _): (1319, 910, 231)
        case (.math, .llada): (5000, 750, 243)
        case (.math, .dream): (5000, 90, 243)
        case (.humanEval, .llada): (164, 160, 107)
        case (.humanEval, .dream): (164, 260, 107)
        case (.humanEvalPlus, _): (164, 250, 150)
        case (.mbppPlus, _): (378, 170, 80)
        case (.mbpp, .llada): (500, 700, 65)
        case (.mbpp, .dream): (500, 130, 65)
        }
    }
}

extension ModelFolderStage {
    /// The shape of the model, where the folder is there to be read.
    package func facts(_ context: ForecastContext) -> Facts {
        (try? Checkpoint.configuration(FilePath(path))).map {
            let isHalf = (try? Checkpoint.isStoredInBFloat16(FilePath(path))) ?? false
            return Facts($0).merging([.weightBytes: isHalf ? 2 : 4])
        } ?? [:]
    }
}
