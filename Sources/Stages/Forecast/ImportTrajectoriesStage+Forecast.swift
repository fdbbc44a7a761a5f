package import ArtifactStore
internal import JSON
package import Runs

extension ImportTrajectoriesStage {
    /// Rows and their lengths: from the artifact, or what the keys say.
    ///
    /// Published sets hold a full sequence per step; how many rows they have is known when they have been read.
    package func facts(_ context: ForecastContext) -> Facts {
        let metrics = context.record?.metrics
        var facts: Facts = [:]
        facts[.answers] = metrics?["kept"]?.double ?? limit.map(Double.init)
        // Until they are read, d3LLM's: responses of 256 tokens to questions of GSM8K and the like.
        facts[.promptTokens] = metrics?["promptTokens"]?.double ?? 100
        facts[.responseTokens] =
            metrics?["responseTokens"]?.double ?? Double(options.maximumResponse ?? 256)
        return facts
    }

    /// Reading a step of a sequence takes a tenth of a microsecond per token; what is written is small.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let facts = facts(context)
        guard let rows = facts[.answers], let prompt = facts[.promptTokens],
            let response = facts[.responseTokens]
        else { return nil }
        let disk = rows * (110 + 5.5 * prompt + 9.5 * response)
        // One row in the form of JSON, or a batch of the file.
        return StageForecast(
            seconds: rows * response * (prompt + response) * 1e-7,
            memory: Int(clamped: MemoryModel.program + 1000 * response * (prompt + response) * 8),
            disk: Int(clamped: disk), scratch: Int(clamped: disk))
    }
}

extension ExportTrajectoriesStage {
    /// Each step holds the whole sequence: about five bytes a token.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let facts = context.facts(of: trajectories)
        guard let rows = facts[.answers], let prompt = facts[.promptTokens],
            let response = facts[.responseTokens]
        else { return nil }
        let bytes = rows * response * (prompt + response) * 6
        return StageForecast(
            seconds: bytes * 1e-8,
            memory: Int(clamped: MemoryModel.program + 100 * response * (prompt + response)),
            disk: Int(clamped: bytes))
    }
}
