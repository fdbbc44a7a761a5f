package import ArtifactStore
internal import Evaluation
internal import JSON
import Recipes
package import Runs
internal import Tokenizers

extension SynthesizeStage {
    /// Sizes of the data set, measured on a few of its problems.
    package func facts(_ context: ForecastContext) -> Facts {
        var facts: Facts = [.train: Double(train), .test: Double(test)]
        // The seed doesn't matter for sizes.
        guard let problems = try? source(seed: 0).problems(.train, count: 200),
            let tokenizer = try? WordLevelTokenizer.train(
                on: problems.map { $0.prompt() + " " + $0.response })
        else { return facts }
        let count = Double(problems.count)
        func mean(_ size: (Problem) -> Int) -> Double { Double(problems.reduce(0) { $0 + size($1) }) / count }
        facts[.promptTokens] = mean { tokenizer.ids($0.prompt()).count }
        facts[.responseTokens] = mean { tokenizer.ids($0.response).count + 1 }
        facts[.problemBytes] = mean { (try? ProblemFile.value(of: $0).compactBytes().count + 1) ?? 0 }
        facts[.words] = Double(tokenizer.vocabularySize)
        return facts
    }

    /// So many problems at the measured time of one.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let bytes = facts(context)[.problemBytes] ?? 400
        let count = Double(train + test)
        return StageForecast(
            seconds: context.seconds(of: ModelWork.generateProblem.work, times: count),
            memory: Int(clamped: MemoryModel.program + count * (MemoryModel.problem / 2 + bytes)),
            disk: Int(clamped: count * bytes))
    }
}

extension QuestionsStage {
    /// What its record says; before it is made, nothing of its file is known, and questions are taken to be as long as GSM8K's.
    package func facts(_ context: ForecastContext) -> Facts {
        var facts: Facts = [:]
        let metrics = context.record?.metrics
        facts[.train] = metrics?["train"]?.double
        facts[.test] = metrics?["test"]?.double
        // A token of the usual vocabularies covers about four bytes of English.
        facts[.promptTokens] = metrics?["promptBytes"]?.double.map { $0 / 4 + 10 } ?? 100
        facts[.responseTokens] = metrics?["responseBytes"]?.double.map { $0 / 4 + 1 } ?? 230
        return facts
    }

    /// Reading and writing some megabytes.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        StageForecast(seconds: 2, memory: Int(clamped: 4 * MemoryModel.program), disk: 10_000_000)
    }
}

extension TokenizerStage {
    /// The vocabulary: that of the artifact, or the words of a few problems of the corpus.
    package func facts(_ context: ForecastContext) -> Facts {
        let words = context.facts(of: corpus)[.words] ?? Double(vocabulary)
        // No tokenizer has more than the key allows, whatever a damaged record says.
        let made = context.record?.metrics["vocabulary"]?.double.map { max(0, $0) }
        return [.vocabulary: min(made ?? words, Double(vocabulary))]
    }

    /// Reading all problems to train on.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        guard let count = context.facts(of: corpus)[.train] else { return nil }
        return StageForecast(
            seconds: context.seconds(of: ModelWork.readProblem.work, times: count),
            memory: Int(clamped: MemoryModel.program + count * MemoryModel.problem), disk: 25 * vocabulary)
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

extension ReplicatesStage {
    /// Reading a few tables.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        StageForecast(
            seconds: 0.02 * Double(tables.count), memory: Int(MemoryModel.program), disk: 50_000)
    }
}
