@testable import Decoding

/// A model that is a table: what it predicts for each position, whatever the sequence looks like.
///
/// Positions without an entry get token 7 with the default confidence.
struct ScriptedModel {
    static let mask: Int32 = 99
    static let end: Int32 = 1

    var tokens: [Int: Int32] = [:]
    var entropies: [Int: Double] = [:]
    var probabilities: [Int: Double] = [:]
    var defaultEntropy = 1.0
    var defaultProbability = 0.5
    /// Answers that depend on how many forwards there were; nil falls back to the tables.
    var override: ((_ forward: Int, _ position: Int) -> Prediction?)?

    static func task(promptLength: Int = 4, end: Int32? = ScriptedModel.end) -> DecodingTask {
        DecodingTask(
            prompt: [Int32](repeating: 5, count: promptLength), maskToken: mask, endToken: end)
    }

    func prediction(at position: Int, forward: Int = 0) -> Prediction {
        override?(forward, position)
            ?? Prediction(
                position: position, token: tokens[position] ?? 7,
                probability: probabilities[position] ?? defaultProbability,
                entropy: entropies[position] ?? defaultEntropy)
    }

    /// Answers until the decoder ends; returns what was asked and what came of it.
    @discardableResult
    func run(_ decoder: inout some Decoder, limit: Int = 1000) -> [(
        request: ForwardRequest, step: StepRecord
    )] {
        var turns: [(request: ForwardRequest, step: StepRecord)] = []
        while turns.count < limit, let request = decoder.nextRequest() {
            let answers = request.candidates.map { prediction(at: $0, forward: turns.count) }
            turns.append((request, decoder.accept(answers)))
        }
        return turns
    }
}

extension StepRecord {
    /// The positions that the step decided.
    var positions: [Int] { unmasked.map(\.position) }
}
