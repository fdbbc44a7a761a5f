internal import Decoding

/// One decoding by this project, with all its steps.
struct RecordedRun {
    let decoder: any Decoder
    let steps: [StepRecord]

    /// How many sequences share a forward; results don't depend on it but for rounding.
    private static let batch = 32

    /// Decodes each task with its decoder, and notes every step.
    ///
    /// - Returns: one run or one error per decoder, in order.
    static func all(
        _ decoders: [(model: String, decoder: any Decoder)], _ folder: ParityFolder
    ) -> [Result<RecordedRun, any Error>] {
        var results = [Result<RecordedRun, any Error>?](repeating: nil, count: decoders.count)
        for model in Set(decoders.map(\.model)).sorted() {
            let indices = decoders.indices.filter { decoders[$0].model == model }
            for start in stride(from: 0, to: indices.count, by: batch) {
                let group = indices[start..<min(start + batch, indices.count)]
                let outcome = group.map { decoders[$0].decoder }
                for (index, run) in zip(group, runs(outcome, model, folder)) { results[index] = run }
            }
        }
        return results.map { $0 ?? .failure(ParityError("The case wasn't run.")) }
    }

    /// Decodes a group together; if that fails, each alone, to find out which ones fail.
    private static func runs(
        _ decoders: [any Decoder], _ model: String, _ folder: ParityFolder
    ) -> [Result<RecordedRun, any Error>] {
        do {
            return try together(decoders, model, folder).map { .success($0) }
        } catch {
            guard decoders.count > 1 else { return [.failure(error)] }
            return decoders.flatMap { runs([$0], model, folder) }
        }
    }

    private static func together(
        _ decoders: [any Decoder], _ model: String, _ folder: ParityFolder
    ) throws -> [RecordedRun] {
        var finished = decoders
        var steps = [[StepRecord]](repeating: [], count: decoders.count)
        try BatchDecoder(try folder.model(model)).decode(&finished) { index, step, _ in
            steps[index].append(step)
        }
        return zip(finished, steps).map { RecordedRun(decoder: $0, steps: $1) }
    }

    /// Describes the step that decided a position, as far as it is known.
    func decision(at position: Int) -> String {
        for step in steps.reversed() {
            guard let prediction = step.unmasked.first(where: { $0.position == position }) else { continue }
            let margin = prediction.probability - prediction.secondProbability
            return "step \(step.index), position \(position): \(prediction.token) with probability"
                + " \(Self.short(prediction.probability)), margin to the runner-up \(Self.short(margin)),"
                + " entropy \(Self.short(prediction.entropy))"
        }
        return "after step \((steps.last?.index ?? 0)), position \(position):"
            + " \(decoder.tokens.indices.contains(position) ? "\(decoder.tokens[position])" : "nothing")"
    }

    /// Six significant digits.
    private static func short(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return "\(value)" }
        var scale = 1.0
        while abs(value) * scale < 100_000 { scale *= 10 }
        return "\((value * scale).rounded() / scale)"
    }
}
