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
        var lanes = decoders.map { Lane($0, model.configuration) }
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
            for own in Turn.together(turns) {
                let request = own[0].request
                let computing = request.isForVerifier ? verifier ?? model : model
                let logits = computing.logits(own.flatMap(\.inputs), workspace, skipping: request.skips)
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
        if decoder.state.mixesResiduals, let verifier,
            verifier.configuration.vocabulary != model.configuration.vocabulary
        {
            throw DecodingError(
                .invalidOptions,
                "The second model has \(verifier.configuration.vocabulary) tokens and the one that is decoded \(model.configuration.vocabulary): residuals of another vocabulary have no embeddings. Take a model with the same vocabulary."
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
        /// The sequence's own, then those of variants that are sequences of their own.
        let inputs: [ForwardInput]

        init(lane: Int, _ turn: (ForwardRequest, RowMapping, [ForwardInput])) {
            self.lane = lane
            (request, mapping, inputs) = turn
        }

        /// Those that one forward can answer, in order of the first of each: of the same model, with the same left out.
        static func together(_ turns: [Turn]) -> [[Turn]] {
            var groups: [[Turn]] = []
            for turn in turns {
                let place = groups.firstIndex {
                    $0[0].request.isForVerifier == turn.request.isForVerifier
                        && $0[0].request.skips == turn.request.skips
                }
                if let place { groups[place].append(turn) } else { groups.append([turn]) }
            }
            // The models' own forwards come before those of the verifiers that judge them.
            return groups.sorted { !$0[0].request.isForVerifier && $1[0].request.isForVerifier }
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
                job.bringsLogits = turn.request.wantsLogits
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
            if let temperature = turn.request.residualTemperature {
                lanes[turn.lane].keepResiduals(
                    model.residuals(
                        jobs[next..<(next + count)], logits, temperature: temperature, threads: threads))
            }
            var record = lanes[turn.lane].accept(Array(predictions[next..<(next + count)]))
            for residual in turn.inputs[0].residuals {
                record.residualShares[turn.request.inputs.lowerBound + residual.row] = residual.share
            }
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
    /// What the last forward predicted, by position, where the next one's input is mixed with it.
    private var residuals: [Int: ResidualInput] = [:]

    init(_ decoder: any Decoder, _ model: TransformerConfiguration) {
        self.decoder = decoder
        self.decoder.begin(model)
    }

    /// The next forward of this sequence, with its cache prepared; nil at the end.
    mutating func nextTurn(
        _ configuration: TransformerConfiguration, _ verifier: TransformerConfiguration?
    ) -> (ForwardRequest, RowMapping, [ForwardInput])? {
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
        let own = Array(decoder.tokens[request.inputs])
        guard request.attention == .causal else {
            // Each variant is a sequence beside the same cache, which is done with one before it takes the next.
            var inputs = ([own] + request.variants).enumerated().map { index, tokens in
                let rows = index * own.count..<(index + 1) * own.count
                return ForwardInput(
                    tokens: tokens, firstPosition: request.rotaryStart, attention: request.attention,
                    cache: usedCache, cacheUpdate: update,
                    logitRows: mapping.rows.filter(rows.contains).map { $0 - rows.lowerBound })
            }
            if request.residualTemperature != nil { inputs[0].residuals = residuals(of: request) }
            return (request, mapping, inputs)
        }
        let input = ForwardInput(
            tokens: own + request.variants.joined() + request.siblings.map(\.token),
            firstPosition: request.rotaryStart, attention: request.attention,
            geometry: geometry(request, cached: usedCache?.length ?? 0), cache: usedCache,
            cacheUpdate: update, logitRows: mapping.rows)
        return (request, mapping, [input])
    }

    /// What is mixed into the inputs that are still masked.
    private func residuals(of request: ForwardRequest) -> [ResidualInput] {
        request.inputs.compactMap { position in
            guard var residual = residuals[position], decoder.tokens[position] == decoder.state.maskToken
            else {
                return nil
            }
            residual.row = position - request.inputs.lowerBound
            return residual
        }
    }

    /// Keeps what the next forward's inputs are mixed with, by position.
    mutating func keepResiduals(_ residuals: [Int: ResidualInput]) { self.residuals = residuals }

    /// What the rows of a request see that has more than its sequence's own, or that sees a part of the cache; nil for others.
    private func geometry(_ request: ForwardRequest, cached: Int) -> RowGeometry? {
        guard !request.variants.isEmpty || !request.siblings.isEmpty || request.seen != nil else {
            return nil
        }
        let length = request.inputs.count
        precondition(
            request.variants.allSatisfy { $0.count == length }, "variants are as long as what they stand for")
        if !request.siblings.isEmpty {
            return .comb(
                length: length, siblings: request.siblings.map { $0.position - request.inputs.lowerBound },
                cached: cached, from: request.rotaryStart)
        }
        return .continuations(
            1 + request.variants.count, length: length, cached: cached, seen: request.seen,
            from: request.rotaryStart)
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

extension Transformer {
    /// What the rows of some jobs predict, by position, to be mixed into the next forward's inputs.
    fileprivate func residuals(
        _ jobs: ArraySlice<ScoringJob>, _ logits: Matrix, temperature: Double, threads: Int
    ) -> [Int: ResidualInput] {
        let jobs = Array(jobs)
        let probabilities = MutableMatrix(zeros: jobs.count, configuration.vocabulary)
        let shares = MutableMatrix(zeros: 1, jobs.count)
        Threads.parallelFor(jobs.count, threads: threads) { (index: Int) -> Void in
            jobs[index].withRow(logits) { row in
                Kernels.softmax(row, into: probabilities.row(index))
                shares.row(0)[index] = ResidualInput.share(of: row, temperature: temperature)
            }
        }
        let embeddings = MutableMatrix(zeros: jobs.count, configuration.width)
        expectedEmbeddings(probabilities.view, into: embeddings, Arena(), threads: threads)
        return Dictionary(
            jobs.enumerated().map { index, job in
                let embedding = Array(embeddings.view.row(index))
                return (
                    job.position, ResidualInput(row: 0, share: shares.view[0, index], .embedding(embedding))
                )
            }, uniquingKeysWith: { _, last in last })
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
    /// Whether the prediction brings its row of logits with it.
    var bringsLogits = false

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
        return withRow(logits) { row in
            var prediction = RowScorer.prediction(at: position, row, choice: choice, draws: draws)
            if bringsLogits { prediction.logits = Array(row) }
            return prediction
        }
    }

    func withRow<Result>(
        _ logits: Matrix, _ body: (UnsafeBufferPointer<Float>) -> Result
    ) -> Result {
        switch row {
        case .fresh(let index): body(logits.row(index))
        case .kept(let row): row.withUnsafeBufferPointer(body)
        }
    }
}

extension ForwardRequest {
    /// The positions that are answered, in order: the candidates, again for each variant, and the one behind each sibling.
    fileprivate var answered: [Int] {
        (0...variants.count).flatMap { _ in candidates } + siblings.map { $0.position + 1 }
    }
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
    /// One source per candidate, again for each variant, and one for each sibling.
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
        let variants = (0...request.variants.count).flatMap { variant in
            own.map { $0.map { $0 + variant * request.inputs.count } }
        }
        let behind = request.inputs.count * (1 + request.variants.count)
        let indices = variants + request.siblings.indices.map { behind + $0 }
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
