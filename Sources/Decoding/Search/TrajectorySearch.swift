internal import Base
internal import Numerics
package import Transformers

/// Hierarchical trajectory search with self-verification (Prism, arXiv 2602.01842; viiika/Prism at dbf2cf7,
/// `hts_sampler.py`).
///
/// Several rows decode one prompt side by side. Now and then all are completed roughly and scored; the best go on, and
/// copies of them with some uncertain positions masked again take the others' places. Positions that are masked again
/// in earlier blocks stay masked, as in the published programs. They limit tokens to the most probable only after
/// noise is added, which changes nothing, so that there is no such option.
package struct TrajectorySearch {
    /// What a search came to.
    package struct Outcome: Sendable, Hashable {
        /// An answer with its score.
        package struct Answer: Sendable, Hashable {
            package let text: String
            package let score: Double
            /// Index into ``Outcome/rows``.
            package let row: Int
        }

        /// One pruning.
        package struct Pruning: Sendable, Hashable {
            /// Step of the block.
            package let step: Int
            /// The scores of all rows.
            package let scores: [Double]
            /// The rows that go on, the best first, then those that repeat others.
            package let survivors: [Int]
            /// Number of rows after it.
            package let width: Int
        }

        /// The generated tokens of each row that is left.
        package internal(set) var rows: [[Int32]] = []
        /// The best answer first; among equals that of the lower row.
        package internal(set) var answers: [Answer] = []
        /// NFE as published: rows forwarded to decide tokens, and with ``TrajectorySearchOptions/Form/llada`` those of
        /// prunings.
        package internal(set) var evaluations = 0
        /// The same of the first block.
        package internal(set) var firstBlockEvaluations = 0
        /// Answers that were scored, whatever the reward; as published without the end's for
        /// ``TrajectorySearchOptions/Form/dream``.
        package internal(set) var verifierCalls = 0
        /// Forwards that were made, the verifier's included.
        package internal(set) var forwards = 0
        package internal(set) var rowsForwarded = 0
        package internal(set) var tokensForwarded = 0
        package internal(set) var prunings: [Pruning] = []
        /// How the candidates for masking were shuffled, copy after copy.
        package internal(set) var permutations: [[Int]] = []
        /// Steps of each block, the one that found nothing to do included.
        package internal(set) var stepsPerBlock: [Int] = []
    }

    private let model: Transformer
    private let options: TrajectorySearchOptions
    private let text: any SearchText
    private let threads: Int

    /// - Parameter threads: threads inside a forward, nil for all.
    package init(
        _ model: Transformer, _ options: TrajectorySearchOptions, text: any SearchText, threads: Int? = nil
    ) {
        (self.model, self.options, self.text) = (model, options, text)
        self.threads = threads ?? Threads.available
    }

    /// Searches for answers to a prompt.
    ///
    /// - Parameters:
    ///   - task: prompt, mask and end token.
    ///   - question: the prompt's question as the verifier reads it.
    ///   - draws: random numbers. Each forward that decides tokens at a temperature takes one for each token of the
    ///     vocabulary at each of its window's positions, row after row; each shuffle takes one less than it has
    ///     elements.
    /// - Throws: ``DecodingError`` for options and tokens that don't fit, and what `text` throws.
    package func run(
        _ task: DecodingTask, question: String, draws: inout some RandomNumberGenerator
    ) throws -> Outcome {
        if let problem = options.problem { throw DecodingError(.invalidOptions, problem) }
        guard !task.prompt.isEmpty else {
            throw DecodingError(.invalidSequence, "A search needs a prompt with at least one token.")
        }
        let tokens = task.prompt + [task.maskToken] + (task.endToken.map { [$0] } ?? [])
        try SearchRun.check(tokens, model)
        let scoring = SearchScoring(
            form: options.form, subject: options.subject, reward: options.reward, question: question,
            text: text)
        var run = SearchRun(model, options, scoring, task, Workspace(threads: threads))
        try run.decode(&draws)
        try run.rank()
        return run.outcome
    }
}

/// A search under way.
private struct SearchRun {
    /// What a masked position would become.
    private struct Candidate {
        let position: Int
        let token: Int32
        let confidence: Float
    }

    private let model: Transformer
    private let options: TrajectorySearchOptions
    private let scoring: SearchScoring
    private let workspace: Workspace
    private let mask: Int32
    private let end: Int32?
    private let generated: Range<Int>
    /// Whole sequences, prompt first.
    private var rows: [[Int32]]
    /// The probability that decided each of their tokens: 1 for the prompt, 0 for masks.
    private var confidences: [[Float]]
    var outcome = TrajectorySearch.Outcome()

    private var isLLaDA: Bool { options.form == .llada }

    init(
        _ model: Transformer, _ options: TrajectorySearchOptions, _ scoring: SearchScoring,
        _ task: DecodingTask, _ workspace: Workspace
    ) {
        (self.model, self.options, self.scoring, self.workspace) = (model, options, scoring, workspace)
        (mask, end) = (task.maskToken, task.endToken)
        var length = task.prompt.count + options.generationLength
        if options.form == .llada {
            length = (length + options.blockLength - 1) / options.blockLength * options.blockLength
        }
        generated = task.prompt.count..<length
        let row = task.prompt + [Int32](repeating: mask, count: generated.count)
        rows = Array(repeating: row, count: options.trajectories)
        let confidence =
            [Float](repeating: 1, count: task.prompt.count) + [Float](repeating: 0, count: generated.count)
        confidences = Array(repeating: confidence, count: options.trajectories)
    }

    static func check(_ tokens: [Int32], _ model: Transformer) throws(DecodingError) {
        let vocabulary = model.configuration.vocabulary
        guard let wrong = tokens.first(where: { $0 < 0 || $0 >= vocabulary }) else { return }
        throw DecodingError(
            .invalidSequence,
            "A search has token \(wrong), but the model knows tokens 0 to \(vocabulary - 1) only. Check that the tokenizer belongs to the model."
        )
    }

    mutating func decode(_ draws: inout some RandomNumberGenerator) throws {
        let length = options.blockLength
        let windows =
            isLLaDA
            ? (generated.lowerBound / length..<generated.upperBound / length).map {
                $0 * length..<($0 + 1) * length
            } : [generated]
        // The prunings' steps are shares of the steps before this limit.
        let steps = min(options.steps, options.generationLength / options.leastTokensPerStep)
        var allowed = Int(Double(options.steps) * options.pruningStart)
        for (block, window) in windows.enumerated() {
            let before = outcome.evaluations
            var used = 0
            for step in 0..<steps {
                used += 1
                if let cut = pruning(at: step, allowed: allowed) {
                    outcome.verifierCalls += rows.count
                    if isLLaDA { outcome.evaluations += rows.count }
                    try prune(cut, step, &draws)
                    // Stays for the following blocks, whose steps begin anew.
                    allowed = step + options.pruningInterval + (isLLaDA ? 1 : 0)
                }
                let open = rows.map { row in
                    window.clamped(to: generated).filter { row[$0] == mask }
                }
                if open.allSatisfy(\.isEmpty) { break }
                outcome.evaluations += rows.count
                let quota = window.count / steps + (step < window.count % steps ? 1 : 0)
                denoise(window, open, quota, &draws)
                if isLLaDA, let end { finish(window, end) }
            }
            outcome.stepsPerBlock.append(used)
            if block == 0 { outcome.firstBlockEvaluations = outcome.evaluations - before }
        }
    }

    /// Scores the answers and ranks them.
    mutating func rank() throws {
        outcome.rows = rows.map { Array($0[generated]) }
        if isLLaDA { outcome.verifierCalls += rows.count }
        var answers: [TrajectorySearch.Outcome.Answer] = []
        for (row, tokens) in outcome.rows.enumerated() {
            var text = scoring.text.text(of: tokens).byteText
            for stop in options.stops { text = text.cut(at: stop.byteText)?.before ?? text }
            let bonus = isLLaDA ? scoring.bonus(text.text) : 0
            answers.append(.init(text: text.text, score: try reward(text.text, nil) + bonus, row: row))
        }
        outcome.answers = answers.sorted { ($1.score, $0.row) < ($0.score, $1.row) }
    }

    // MARK: Forwards

    /// Forwards all rows, as one forward by the counts, and hands out each row's logits (positions × V).
    ///
    /// - Parameter positions: ascending generated positions for each row.
    private mutating func forward(_ positions: [[Int]], _ visit: (_ row: Int, _ logits: Matrix) -> Void) {
        outcome.forwards += 1
        outcome.rowsForwarded += rows.count
        outcome.tokensForwarded += rows.count * generated.upperBound
        let shift = model.configuration.logitShift ? 1 : 0
        // All logits of a large model's rows would take several gigabytes.
        let most = max(1, (1 << 28) / model.configuration.vocabulary)
        var start = 0
        while start < rows.count {
            var (stop, wanted) = (start, 0)
            while stop < rows.count,
                wanted == 0 || positions[stop].isEmpty || wanted + positions[stop].count <= most
            {
                wanted += positions[stop].count
                stop += 1
            }
            let inputs = (start..<stop).map { row in
                ForwardInput(tokens: rows[row], logitRows: positions[row].map { $0 - shift })
            }
            let logits = model.logits(inputs, workspace)
            var first = 0
            for row in start..<stop {
                let next = first + positions[row].count
                visit(row, logits.slice(rows: first..<next))
                first = next
            }
            start = stop
        }
    }

    /// The logits (V) of the last position of a verifier's prompt, whichever token that predicts; a prompt that is too
    /// long loses its beginning.
    private mutating func ask(_ tokens: [Int32]) throws -> [Float] {
        let tokens = Array(tokens.suffix(max(1, model.configuration.maximumPositions - 16)))
        try Self.check(tokens, model)
        guard let last = tokens.indices.last else {
            throw DecodingError(.invalidSequence, "The verifier's prompt has no tokens. Check the tokenizer.")
        }
        outcome.forwards += 1
        outcome.rowsForwarded += 1
        outcome.tokensForwarded += tokens.count
        return model.logits([ForwardInput(tokens: tokens, logitRows: [last])], workspace).elements
    }

    private mutating func reward(_ text: String, _ confidences: [Float]?) throws -> Double {
        let scoring = scoring
        return try scoring.reward(of: text, confidences: confidences) { try ask($0) }
    }

    // MARK: Denoising

    /// Decides masked positions of a window in every row.
    ///
    /// - Parameter open: the masked positions of each row.
    private mutating func denoise(
        _ window: Range<Int>, _ open: [[Int]], _ quota: Int, _ draws: inout some RandomNumberGenerator
    ) {
        let (options, end) = (options, isLLaDA ? end : nil)
        var found: [[Candidate]] = []
        forward(open) { row, logits in
            var candidates: [Candidate] = []
            for position in window {
                if candidates.count < open[row].count, open[row][candidates.count] == position {
                    candidates.append(
                        Self.candidate(position, logits.row(candidates.count), options, without: end, &draws))
                } else if options.temperature > 0 {
                    for _ in 0..<logits.columns { _ = draws.next() }
                }
            }
            found.append(candidates)
        }
        for (row, candidates) in found.enumerated() {
            let needed = min(quota, candidates.count)
            // Dream takes nothing in a step without a quota, LLaDA all that is sure.
            if !isLLaDA, needed == 0 { continue }
            var taken = candidates.filter { $0.confidence > Float(options.threshold) }
            if taken.count < needed {
                let ranked = candidates.sorted { ($1.confidence, $0.position) < ($0.confidence, $1.position) }
                taken = Array(ranked.prefix(needed))
            }
            for candidate in taken {
                rows[row][candidate.position] = candidate.token
                confidences[row][candidate.position] = candidate.confidence
            }
        }
    }

    /// Draws a token from a row of logits (V); its confidence is the largest probability, whatever was drawn.
    private static func candidate(
        _ position: Int, _ logits: UnsafeBufferPointer<Float>, _ options: TrajectorySearchOptions,
        without end: Int32?, _ draws: inout some RandomNumberGenerator
    ) -> Candidate {
        var row = Array(logits)
        if let end { row[Int(end)] = -1e10 }
        let score = row.withUnsafeBufferPointer { Kernels.score($0) }
        guard options.temperature > 0 else {
            return Candidate(position: position, token: score.token, confidence: score.probability)
        }
        var best = (token: score.token, value: -Float.infinity)
        for (token, logit) in row.enumerated() {
            let number = draws.next()
            let scaled = logit / Float(options.temperature)
            // The noise is below 17.
            guard scaled + 17 > best.value else { continue }
            let uniform = Float(number >> 40) * 0x1p-24
            let exponent = -Float(Elementary.log(Double(uniform + 1e-10)))
            let value = scaled - Float(Elementary.log(Double(exponent + 1e-10)))
            if value > best.value { best = (Int32(token), value) }
        }
        return Candidate(position: position, token: best.token, confidence: score.probability)
    }

    /// Writes end tokens behind complete answers, and behind the first end token of every row.
    private mutating func finish(_ window: Range<Int>, _ end: Int32) {
        let shown = generated.lowerBound..<window.upperBound
        for row in rows.indices {
            if scoring.isComplete(scoring.text.text(of: Array(rows[row][shown]))),
                let last = shown.last(where: { rows[row][$0] != mask })
            {
                for position in last + 1..<generated.upperBound { rows[row][position] = end }
                // Those inside the window keep the confidence of masks.
                for position in window.upperBound..<generated.upperBound { confidences[row][position] = 1 }
            }
            guard let first = shown.first(where: { rows[row][$0] == end }) else { continue }
            for position in first + 1..<shown.upperBound { rows[row][position] = end }
        }
    }

    // MARK: Pruning

    /// The pruning that is due before a step, if there is one.
    private func pruning(at step: Int, allowed: Int) -> TrajectorySearchOptions.Cut? {
        let steps = Double(options.steps)
        if let cuts = options.cuts {
            let cut = cuts.last { $0.fraction > 0 && Int(steps * $0.fraction) == step }
            return cut.flatMap { rows.count > $0.width ? $0 : nil }
        }
        let (start, stop) = (Int(steps * options.pruningStart), Int(steps * options.pruningEnd))
        guard step >= max(allowed, start), step < stop else { return nil }
        let shrunk = Double(options.trajectories) * Elementary.pow(options.decay, Double(start - step))
        let width = max(options.width, Int(shrunk.rounded(.up)))
        guard rows.count > width else { return nil }
        return .init(fraction: Double(step) / steps, width: width, survivors: options.survivors)
    }

    /// Completes every row roughly, keeps the best ones and branches from them.
    private mutating func prune(
        _ cut: TrajectorySearchOptions.Cut, _ step: Int, _ draws: inout some RandomNumberGenerator
    ) throws {
        let scoring = scoring
        var rough: [(text: String, confidences: [Float])] = []
        // Decided positions are predicted anew as well.
        forward(rows.map { _ in Array(generated) }) { _, logits in
            let found = (0..<logits.rows).map { Kernels.score(logits.row($0)) }
            rough.append((scoring.text.text(of: found.map(\.token)), found.map(\.probability)))
        }
        var scores: [Double] = []
        for row in rough {
            scores.append(try reward(row.text, row.confidences) + scoring.bonus(row.text))
        }
        let ranked = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
        var seen: Set<[Unicode.Scalar]> = []
        let different = ranked.filter { row in
            scoring.key(rough[row].text).map { seen.insert($0).inserted } ?? true
        }
        var survivors = Array(different.prefix(cut.survivors))
        survivors += ranked.filter { !survivors.contains($0) }.prefix(cut.survivors - survivors.count)
        outcome.prunings.append(.init(step: step, scores: scores, survivors: survivors, width: cut.width))
        branch(survivors, cut.width, &draws)
    }

    /// Puts copies of some rows in the place of all; of each row the first copy stays as it is.
    private mutating func branch(
        _ survivors: [Int], _ width: Int, _ draws: inout some RandomNumberGenerator
    ) {
        let masked = !isLLaDA || options.subject == .reasoning || options.subject == .other ? 6 : 2
        var (newRows, newConfidences): ([[Int32]], [[Float]]) = ([], [])
        for (index, survivor) in survivors.enumerated() {
            let copies = width / survivors.count + (index < width % survivors.count ? 1 : 0)
            for copy in 0..<copies {
                var (row, confidence) = (rows[survivor], confidences[survivor])
                let decided = generated.filter { row[$0] != mask }
                if copy > 0, !decided.isEmpty {
                    let count = min((isLLaDA ? 3 : 2) * masked, decided.count)
                    let pool = SmallestFirst.places(of: decided.map { confidence[$0] }, count: count)
                    let order = Self.permutation(count, &draws)
                    outcome.permutations.append(order)
                    for place in order.prefix(masked) {
                        row[decided[pool[place]]] = mask
                        confidence[decided[pool[place]]] = 0
                    }
                }
                newRows.append(row)
                newConfidences.append(confidence)
            }
        }
        (rows, confidences) = (newRows, newConfidences)
    }

    /// A shuffle of the numbers below `count`, from the top (Fisher and Yates).
    private static func permutation(_ count: Int, _ draws: inout some RandomNumberGenerator) -> [Int] {
        var order = Array(0..<count)
        for index in order.indices.dropFirst().reversed() {
            order.swapAt(index, Int(draws.next() % UInt64(index + 1)))
        }
        return order
    }
}
