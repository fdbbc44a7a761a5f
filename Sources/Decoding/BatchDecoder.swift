internal import Numerics
public import Transformers

/// Drives decoders with a model: one forward per turn serves every sequence that isn't finished.
///
/// The result of a sequence depends on the model, its decoder and, through rounding only, on which sequences
/// are decoded together.
public struct BatchDecoder: Sendable {
    /// What an observer gets: index of the sequence, the step, and the decoder after it.
    public typealias Observer = (Int, StepRecord, any Decoder) -> Void

    private let model: Transformer
    private let maximumTurns: Int
    private let threads: Int
    private let alternatives: Int?

    /// - Parameters:
    ///   - maximumTurns: how many forwards a sequence may take before decoding gives up.
    ///   - threads: threads inside a forward and for scoring its logits, nil for all.
    ///   - alternatives: how many of the most probable tokens observers are told of with each token's log-probability;
    ///     nil tells nothing.
    public init(
        _ model: Transformer, maximumTurns: Int = 20_000, threads: Int? = nil, alternatives: Int? = nil
    ) {
        self.model = model
        self.maximumTurns = maximumTurns
        self.threads = threads ?? Threads.available
        self.alternatives = alternatives
    }

    /// Decodes until every decoder has ended.
    ///
    /// - Parameter shouldStop: asked before each forward; after a yes the decoders are left as they stand.
    /// - Throws: ``DecodingError`` when a sequence has no prompt or tokens that the model doesn't know, or doesn't end
    ///   within the allowed turns.
    public func decode(
        _ decoders: inout [any Decoder], observe: Observer? = nil, shouldStop: () -> Bool = { false }
    ) throws(DecodingError) {
        for (index, decoder) in decoders.enumerated() { try check(decoder, index) }
        var lanes = decoders.map { Lane($0) }
        let workspace = Workspace(threads: threads)
        for _ in 0..<maximumTurns {
            if shouldStop() {
                decoders = lanes.map(\.decoder)
                return
            }
            let turns = lanes.indices.compactMap { index -> Turn? in
                lanes[index].nextTurn(model.configuration).map { Turn(lane: index, $0) }
            }
            if turns.isEmpty {
                decoders = lanes.map(\.decoder)
                return
            }
            let logits = model.logits(turns.map(\.input), workspace)
            answer(turns, logits, &lanes, observe)
        }
        let unfinished = lanes.indices.filter { lanes[$0].hasPending }
        throw DecodingError(
            .turnLimit,
            "Sequence \(unfinished.first ?? 0) isn't finished after \(maximumTurns) forwards"
                + " (\(unfinished.count) of \(lanes.count) aren't). Allow more turns, or look whether the model"
                + " keeps predicting the mask token.")
    }

    private func check(_ decoder: any Decoder, _ index: Int) throws(DecodingError) {
        guard decoder.promptLength > 0 else {
            throw DecodingError(
                .invalidSequence,
                "Sequence \(index) has a prompt without tokens, which no method decodes. Give it some text, or look"
                    + " whether the chat template writes any.")
        }
        let vocabulary = model.configuration.vocabulary
        let special =
            [decoder.state.maskToken] + (decoder.state.endToken.map { [$0] } ?? [])
            + decoder.state.furtherEndTokens
        guard let wrong = (decoder.tokens + special).first(where: { $0 < 0 || $0 >= vocabulary }) else {
            return
        }
        throw DecodingError(
            .invalidSequence,
            "Sequence \(index) has token \(wrong), but the model knows tokens 0 to \(vocabulary - 1) only."
                + " Check that the tokenizer belongs to the model.")
    }

    /// One sequence's part in a turn.
    private struct Turn {
        let lane: Int
        let request: ForwardRequest
        let mapping: RowMapping
        let input: ForwardInput

        init(lane: Int, _ turn: (ForwardRequest, RowMapping, ForwardInput)) {
            self.lane = lane
            (request, mapping, input) = turn
        }
    }

    /// Scores the rows on all threads, then answers the decoders in order.
    private func answer(
        _ turns: [Turn], _ logits: Matrix, _ lanes: inout [Lane], _ observe: Observer?
    ) {
        var firstRow = 0
        var jobs: [ScoringJob] = []
        for turn in turns {
            let lane = lanes[turn.lane]
            for (position, source) in zip(turn.request.candidates, turn.mapping.sources) {
                let row: ScoringJob.Row =
                    switch source {
                    case .row(let index): .fresh(firstRow + index)
                    case .kept(let position): .kept(lane.keptRow(position))
                    }
                jobs.append(
                    ScoringJob(
                        position: position, row: row, choice: turn.request.choice,
                        draws: turn.request.draws))
            }
            for (position, row) in turn.mapping.toKeep {
                lanes[turn.lane].keep(position, logits.row(firstRow + row))
            }
            firstRow += turn.mapping.rows.count
        }
        let predictions = ScoringJob.run(jobs, logits, threads: threads)
        var next = 0
        for turn in turns {
            let count = turn.request.candidates.count
            var record = lanes[turn.lane].accept(Array(predictions[next..<(next + count)]))
            if let alternatives {
                record.likelihoods = ScoringJob.likelihoods(
                    jobs[next..<(next + count)], of: lanes[turn.lane].decoder.tokens,
                    alternatives: alternatives, logits, threads: threads)
            }
            next += count
            observe?(turn.lane, record, lanes[turn.lane].decoder)
        }
    }
}
