package import ArtifactStore
internal import Decoding
internal import Numerics
internal import Recipes
package import Runs
internal import Transformers

extension EvaluateStage {
    /// Problems that are decoded.
    package func facts(_ context: ForecastContext) -> Facts { [.test: count(context)] }

    private func count(_ context: ForecastContext) -> Double {
        min(context.facts(of: data)[.test] ?? 0, limit.map(Double.init) ?? .infinity)
    }

    /// The forwards that the decoder's method expects, for the problems that the journal lacks; threads take one group
    /// of problems each.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let data = context.facts(of: data)
        guard let configuration = context.facts(of: model).configuration,
            let prompt = data[.promptTokens], let answer = data[.responseTokens],
            let effort = (try? decoder.setup())?.effort(prompt: prompt, answer: answer)
        else { return nil }
        let all = count(context)
        // How many records a user's file has is known when it has been read.
        guard all > 0 else { return nil }
        let group = min(Double(groupSize), all)
        let shape = PassShape(
            configuration, sequences: Int(group), tokens: effort.tokens, cached: effort.cached,
            logitRows: effort.logitRows)
        let left = max(0, all - Double(context.recordsDone))
        let cost = GroupCost(
            groups: (left / max(1, group)).rounded(.up), forwards: effort.forwards, shape: shape)
        let reading = context.seconds(of: ModelWork.readProblem.work, times: data[.test] ?? 0) ?? 0
        let memory = DecodingMemory(
            model, shape, threads: context.threads, chosen: precision ?? .float32,
            besides: all * 4 * MemoryModel.problem)
        var forecast = StageForecast(
            seconds: cost.seconds(context).map { $0 + reading }, memory: memory.chosen,
            // A record with the response as text.
            disk: Int(clamped: all * (140 + 4.2 * answer)), scratch: Int(clamped: all * (140 + 4.2 * answer)))
        forecast.models = memory.forms
        return forecast
    }
}

/// What a stage that decodes takes in each precision.
struct DecodingMemory {
    let forms: [StageForecast.ModelMemory]
    /// In bytes, in the precision that the stage has.
    let chosen: Int

    init(
        _ model: ArtifactReference, _ shape: PassShape, threads: Int, chosen: WeightPrecision,
        besides bytes: Double
    ) {
        func memory(_ precision: WeightPrecision) -> Int {
            Int(
                clamped: MemoryModel.program
                    + MemoryModel.decoding(shape, threads: threads, precision: precision) + bytes)
        }
        self.chosen = memory(chosen)
        forms = WeightPrecision.allCases.map {
            .init(
                model: model.stage, form: "decoding, \($0.rawValue)", bytes: memory($0),
                isChosen: $0 == chosen)
        }
    }
}

/// Groups of sequences that are decoded together, one group per thread at a time.
struct GroupCost {
    var groups: Double
    /// Forwards of a group.
    var forwards: Double
    var shape: PassShape

    /// Wall-clock seconds; nil where the speed isn't known.
    ///
    /// The last round may leave threads without a group.
    func seconds(_ context: ForecastContext) -> Double? {
        let turns = (groups / Double(context.threads)).rounded(.up) * forwards
        guard let pass = context.seconds(of: ModelWork.forward(shape).work, times: turns),
            let step = context.seconds(
                of: ModelWork.decoderStep.work, times: turns * Double(shape.sequences))
        else { return nil }
        return pass + step
    }
}
