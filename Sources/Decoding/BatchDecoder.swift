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
    private let verifier: Transformer?
    private let maximumTurns: Int
    private let threads: Int
    private let alternatives: Int?

    /// - Parameters:
    ///   - verifier: a second model, for methods that need one; with the same tokens.
    ///   - maximumTurns: how many forwards a sequence may take before decoding gives up.
    ///   - threads: threads inside a forward and for scoring its logits, nil for all.
    ///   - alternatives: how many of the most probable tokens observers are told of with each token's log-probability;
    ///     nil tells nothing.
    public init(
        _ model: Transformer, verifier: Transformer? = nil, maximumTurns: Int = 20_000, threads: Int? = nil,
        alternatives: Int? = nil
    ) {
        self.model = model
        self.verifier = verifier
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
                lanes[index].nextTurn(model.configuration, verifier?.configuration).map {
                    Turn(lane: index, $0)
                }
            }
            if turns.isEmpty {
                decoders = lanes.map(\.decoder)
                return
            }
            for (model, isVerifier) in [(model, false), (verifier ?? model, true)] {
                let own = turns.filter { $0.request.isForVerifier == isVerifier }
                guard !own.isEmpty else { continue }
                let logits = model.logits(own.map(\.input), workspace)
                answer(own, logits, &lanes, observe)
            }
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
        guard !decoder.state.needsVerifier || verifier != nil else {
            throw DecodingError(
                .invalidOptions,
                "Sequence \(index) is decoded by a method that needs a second model, and there is none. The stage evaluate has one (key \"verifier\")."
            )
        }
        let vocabulary = min(
            model.configuration.vocabulary,
            decoder.state.needsVerifier ? verifier?.configuration.vocabulary ?? .max : .max)
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
            for (position, source) in zip(turn.request.answered, turn.mapping.sources) {
                let row: ScoringJob.Row =
                    switch source {
                    case .row(let index): .fresh(firstRow + index)
                    case .kept(let position): .kept(lane.keptRow(position))
                    }
                var job = ScoringJob(
                    position: position, row: row, choice: turn.request.choice, draws: turn.request.draws)
                if let share = turn.request.keptShare { job.mixed = (lane.mixedRow(position), share) }
                jobs.append(job)
            }
            for (position, row) in turn.mapping.toKeep {
                lanes[turn.lane].keep(position, logits.row(firstRow + row))
            }
            if turn.request.keepsRows {
                for (position, source) in zip(turn.request.candidates, turn.mapping.sources) {
                    guard case .row(let index) = source else { continue }
                    lanes[turn.lane].keepForMixing(position, logits.row(firstRow + index))
                }
            }
            firstRow += turn.mapping.rows.count
        }
        let predictions = ScoringJob.run(jobs, logits, threads: threads)
        var next = 0
        for turn in turns {
            let count = turn.mapping.sources.count
            var record = lanes[turn.lane].accept(Array(predictions[next..<(next + count)]))
            if let alternatives {
                record.likelihoods = ScoringJob.likelihoods(
                    jobs[next..<(next + turn.request.candidates.count)], of: lanes[turn.lane].decoder.tokens,
                    alternatives: alternatives, logits, threads: threads)
            }
            next += count
            observe?(turn.lane, record, lanes[turn.lane].decoder)
        }
    }
}

/// One sequence of a batch: its decoder, its cache and the rows kept for it.
struct Lane {
    private(set) var decoder: any Decoder
    private(set) var hasPending = false
    private var cache: KeyValueCache?
    private var verifierCache: KeyValueCache?
    private var keptRows: [Int: [Float]] = [:]
    private var mixedRows: [Int: [Float]] = [:]

    init(_ decoder: any Decoder) { self.decoder = decoder }

    /// The next forward of this sequence, with its cache prepared; nil at the end.
    mutating func nextTurn(
        _ configuration: TransformerConfiguration, _ verifier: TransformerConfiguration?
    ) -> (ForwardRequest, RowMapping, ForwardInput)? {
        guard let request = decoder.nextRequest() else {
            hasPending = false
            (cache, verifierCache) = (nil, nil)
            return nil
        }
        hasPending = true
        let configuration = request.isForVerifier ? verifier ?? configuration : configuration
        if request.keepsRows { mixedRows = [:] }
        let mapping = RowMapping(request, shift: configuration.logitShift) { keptRows[$0] != nil }
        let (usedCache, update) = prepareCache(request, configuration)
        let input = ForwardInput(
            tokens: Array(decoder.tokens[request.inputs]) + request.variants.joined(),
            firstPosition: request.rotaryStart, attention: request.attention,
            geometry: geometry(request, cached: usedCache?.length ?? 0), cache: usedCache,
            cacheUpdate: update, logitRows: mapping.rows)
        return (request, mapping, input)
    }

    /// What the rows of a request with variants see; nil where there are none.
    private func geometry(_ request: ForwardRequest, cached: Int) -> RowGeometry? {
        guard !request.variants.isEmpty else { return nil }
        let length = request.inputs.count
        precondition(
            request.attention == .causal && request.variants.allSatisfy { $0.count == length },
            "variants are as long as what they stand for, and causal")
        return .continuations(
            1 + request.variants.count, length: length, cached: cached, from: request.rotaryStart)
    }

    mutating func accept(_ predictions: [Prediction]) -> StepRecord { decoder.accept(predictions) }

    /// Keeps a copy of one row of logits (V).
    mutating func keep(_ position: Int, _ row: UnsafeBufferPointer<Float>) {
        keptRows[position] = Array(row)
    }

    /// Keeps a copy of one row of logits (V) for the next request's.
    mutating func keepForMixing(_ position: Int, _ row: UnsafeBufferPointer<Float>) {
        mixedRows[position] = Array(row)
    }

    func mixedRow(_ position: Int) -> [Float] {
        guard let row = mixedRows[position] else { preconditionFailure("no row is kept for \(position)") }
        return row
    }

    func keptRow(_ position: Int) -> [Float] {
        guard let row = keptRows[position] else { preconditionFailure("no row is kept for \(position)") }
        return row
    }

    private mutating func prepareCache(
        _ request: ForwardRequest, _ configuration: TransformerConfiguration
    ) -> (KeyValueCache?, CacheUpdate) {
        if request.cache == .ignore { return (nil, .none) }
        let known = request.isForVerifier ? verifierCache : cache
        let used = known ?? KeyValueCache(configuration, capacity: decoder.maximumLength)
        if request.isForVerifier { verifierCache = used } else { cache = used }
        switch request.cache {
        case .ignore, .read: return (used, .none)
        case .append(let count): return (used, .append(count))
        case .rebuild(let count):
            used.truncate(to: 0)
            return (used, .append(count))
        case .replace(let start, let count):
            used.truncate(to: start)
            return (used, .append(count))
        case .narrow(let start, let kept, let count):
            used.truncate(to: start, keeping: kept)
            return (used, .append(count))
        case .overwrite(let start): return (used, .overwrite(at: start))
        }
    }
}

/// One row of logits to be turned into a prediction.
struct ScoringJob: Sendable {
    enum Row: Sendable {
        /// A row of the turn's logits.
        case fresh(Int)
        /// A row kept from an earlier turn.
        case kept([Float])
    }

    let position: Int
    let row: Row
    let choice: TokenChoice
    let draws: SamplingStep?
    /// Another row of logits, and its share in what the token is chosen from.
    var mixed: (row: [Float], share: Float)?

    init(position: Int, row: Row, choice: TokenChoice, draws: SamplingStep?) {
        (self.position, self.row, self.choice, self.draws) = (position, row, choice, draws)
    }

    /// Scores all jobs; `logits` is [rows, V].
    static func run(_ jobs: [ScoringJob], _ logits: Matrix, threads: Int) -> [Prediction] {
        let empty = Prediction(position: 0, token: 0, probability: 0, entropy: 0)
        var predictions = [Prediction](repeating: empty, count: jobs.count)
        predictions.withUnsafeMutableBufferPointer { buffer in
            // Safe: each index is written by one call of the body, and nothing reads before all have returned.
            nonisolated(unsafe) let out = buffer
            Threads.parallelFor(jobs.count, threads: threads) { (index: Int) -> Void in
                out[index] = jobs[index].prediction(logits)
            }
        }
        return predictions
    }

    /// The log-probabilities that the rows of `jobs` give the tokens of `sequence`; positions beyond it are left out.
    static func likelihoods(
        _ jobs: ArraySlice<ScoringJob>, of sequence: [Int32], alternatives: Int, _ logits: Matrix,
        threads: Int
    ) -> [TokenLikelihood] {
        let jobs = jobs.filter { sequence.indices.contains($0.position) }
        var found = [TokenLikelihood?](repeating: nil, count: jobs.count)
        found.withUnsafeMutableBufferPointer { buffer in
            // Safe for the same reason.
            nonisolated(unsafe) let out = buffer
            Threads.parallelFor(jobs.count, threads: threads) { (index: Int) -> Void in
                let job = jobs[index]
                out[index] = job.withRow(logits) {
                    TokenLikelihood(
                        of: sequence[job.position], at: job.position, $0, alternatives: alternatives)
                }
            }
        }
        return found.compactMap { $0 }
    }

    private func prediction(_ logits: Matrix) -> Prediction {
        if let mixed {
            let row = withRow(logits) { own in
                zip(mixed.row, own).map { mixed.share * $0 + (1 - mixed.share) * $1 }
            }
            return row.withUnsafeBufferPointer {
                RowScorer.prediction(at: position, $0, choice: choice, draws: draws)
            }
        }
        return withRow(logits) { RowScorer.prediction(at: position, $0, choice: choice, draws: draws) }
    }

    private func withRow<Result>(
        _ logits: Matrix, _ body: (UnsafeBufferPointer<Float>) -> Result
    ) -> Result {
        switch row {
        case .fresh(let index): body(logits.row(index))
        case .kept(let row): row.withUnsafeBufferPointer(body)
        }
    }
}

extension ForwardRequest {
    /// The positions that are answered, in order: the candidates, and again for each variant.
    fileprivate var answered: [Int] { (0...variants.count).flatMap { _ in candidates } }
}

/// Which rows of a forward's logits answer its candidates.
///
/// Without shift, position p is predicted by its own row. With shift (Dream, autoregressive models) it is
/// predicted by row p − 1; position 0 keeps its own row.
struct RowMapping: Sendable, Hashable {
    /// Where a candidate's logits come from.
    enum Source: Sendable, Hashable {
        /// The n-th of ``rows``.
        case row(Int)
        /// The row of this absolute position, kept from an earlier forward.
        case kept(Int)
    }

    /// Indices into the inputs whose logits are needed, ascending.
    let rows: [Int]
    /// One source per candidate, and again for each variant.
    let sources: [Source]
    /// Absolute positions whose rows are to be kept, with their place in ``rows``.
    let toKeep: [(position: Int, row: Int)]

    /// - Parameters:
    ///   - shift: whether the logits are shifted by one.
    ///   - isKept: whether an earlier forward's row of an absolute position is at hand.
    init(_ request: ForwardRequest, shift: Bool, isKept: (Int) -> Bool) {
        let start = request.inputs.lowerBound
        let shift = shift || request.predictsNext
        let own = request.candidates.map { position -> Int? in
            guard shift, position > 0 else { return position - start }
            if position > start { return position - 1 - start }
            // Without a kept row there is no better one than the first of this forward.
            return request.boundaryRow == .kept && isKept(position - 1) ? nil : 0
        }
        let indices = (0...request.variants.count).flatMap { variant in
            own.map { $0.map { $0 + variant * request.inputs.count } }
        }
        let kept =
            shift && request.boundaryRow == .kept
            ? request.boundaries.map { $0 - 1 }.filter(request.inputs.contains) : []
        rows = Set(indices.compactMap(\.self) + kept.map { $0 - start }).sorted()
        let place = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, $0) })
        sources = zip(request.answered, indices).map { position, index in
            index.flatMap { place[$0] }.map { .row($0) } ?? .kept(position - 1)
        }
        toKeep = kept.compactMap { position in place[position - start].map { (position, $0) } }
    }

    static func == (a: RowMapping, b: RowMapping) -> Bool {
        a.rows == b.rows && a.sources == b.sources
            && a.toKeep.map(\.position) == b.toKeep.map(\.position)
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(rows)
        hasher.combine(sources)
    }
}
