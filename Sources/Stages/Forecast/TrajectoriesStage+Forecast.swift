package import ArtifactStore
internal import JSON
internal import Numerics
package import Runs
internal import Transformers

extension TrajectoriesStage {
    /// Tries per prompt: a teacher that was trained well is right at the first, and wrong for a few.
    private var expectedTries: Double { attempts > 1 ? 1.03 : 1 }

    /// Answers that are kept: those of the artifact, or one per prompt.
    package func facts(_ context: ForecastContext) -> Facts {
        let metrics = context.record?.metrics
        var facts: Facts = [
            .answers: metrics?["kept"]?.double ?? Double(count), .responseTokens: Double(generationLength),
        ]
        facts[.promptTokens] =
            metrics?["promptTokens"]?.double ?? context.facts(of: data)[.promptTokens]
        return facts
    }

    /// A forward per token of the response, for the prompts that the journal lacks.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let data = context.facts(of: data)
        guard let configuration = context.facts(of: teacher).configuration,
            let prompt = data[.promptTokens]
        else { return nil }
        let length = Double(generationLength)
        let group = min(groupSize, count)
        let shape = PassShape(
            configuration, sequences: group, tokens: prompt + length, logitRows: 0.6 * Double(blockLength))
        let left = max(0, count - context.recordsDone)
        let cost = GroupCost(
            groups: Double((left + group - 1) / group), forwards: length * expectedTries, shape: shape)
        let problems = data[.train] ?? 0
        let reading = context.seconds(of: ModelWork.readProblem.work, times: problems) ?? 0
        // A token and a step for each position.
        let disk = Double(count) * (110 + 5.5 * length)
        let memory = DecodingMemory(
            teacher, shape, threads: context.threads, chosen: precision ?? .float32,
            besides: problems * MemoryModel.problem)
        var forecast = StageForecast(
            seconds: cost.seconds(context).map { $0 + reading }, memory: memory.chosen,
            disk: Int(clamped: disk), scratch: Int(clamped: disk))
        forecast.models = memory.forms
        return forecast
    }
}
