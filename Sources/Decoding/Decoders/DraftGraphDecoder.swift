package import Documents

/// Options of ``DraftGraphDecoder``.
package struct DraftGraphOptions: DecoderOptions {
    /// The decoding that is made faster.
    package var blocks = BlockwiseOptions.fastDLLM
    /// What of the sequence is cached.
    package var cache = Cache.none
    /// Drafts that are looked at in each forward.
    package var drafts = 4

    package init() {}

    package enum Cache: String, Sendable, Hashable, CaseIterable {
        /// Nothing: each draft is a whole sequence.
        case none
        /// All but the block (Fast-dLLM's dual cache): each draft is a block.
        case dual
    }

    package init(_ fields: Fields, defaults: DraftGraphOptions) {
        self = defaults
        // With drawn tokens no guess would be what is decoded.
        blocks = BlockwiseOptions(fields, defaults: defaults.blocks, hasTemperature: false)
        cache = fields.option(
            "cache", default: defaults.cache,
            "What is cached: nothing, or everything but the block, as with fast-dllm-dual-cache.")
        drafts = fields.option(
            "drafts", default: defaults.drafts, in: 0...DraftGraph.usual.drafts.count,
            "Guesses of later steps in each forward, which cost a sequence (or a block beside the cache) each."
        )
    }

    package var lengths: DecodingLengths { blocks.lengths }

    /// A third of the forwards fewer, each with its drafts' tokens besides.
    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let plain: DecodingEffort? =
            switch cache {
            case .none: blocks.effort(prompt: prompt, answer: answer)
            case .dual: BlockCacheOptions(blocks, reuse: .dual).effort(prompt: prompt, answer: answer)
            }
        return plain.map { plain in
            var effort = plain
            let rows = Double(1 + drafts)
            effort.forwards *= drafts == 0 ? 1 : 0.67
            effort.tokens *= rows
            effort.logitRows *= rows
            return effort
        }
    }
}

/// Drafts as formulas: which of the positions that a forward was most certain of are filled with what it predicted there.
package struct DraftGraph: Sendable, Hashable {
    /// Ranks of positions, ascending; a draft each.
    package let drafts: [[Int]]

    package init(_ drafts: [[Int]]) { self.drafts = drafts }

    /// A list that nobody calibrated: what was most certain first, then what fills in more or leaves it out.
    static let usual = DraftGraph([
        [0], [0, 1], [1], [0, 1, 2], [0, 2], [2], [0, 1, 2, 3], [1, 2], [0, 1, 3], [0, 1, 2, 3, 4], [3],
        [0, 3],
    ])

    func first(_ count: Int) -> DraftGraph { DraftGraph(Array(drafts.prefix(count))) }

    /// The tokens of the inputs with each draft filled in, without drafts that come to the same.
    ///
    /// - Parameter predictions: what the last forward predicted for positions that are still masked.
    func filled(_ tokens: [Int32], from start: Int, _ predictions: [Prediction]) -> [[Int32]] {
        let ranked = AcceptanceRule.byConfidence(predictions)
        var filled: [[Int32]] = []
        for draft in drafts where draft.allSatisfy(ranked.indices.contains) {
            var copy = tokens
            for rank in draft { copy[ranked[rank].position - start] = ranked[rank].token }
            if copy != tokens, !filled.contains(copy) { filled.append(copy) }
        }
        return filled
    }
}

/// Lossless drafts for block-wise decoding, as Spiffy is described (arXiv 2509.18085; no code is released): beside the sequence a
/// forward evaluates guesses of how it will look a few steps later, and steps whose outcome was guessed need no forward.
///
/// A draft takes what the last forward was most certain of. It is accepted only where it is the very sequence that decoding would have gone on
/// with, and has a row of its own, so that the tokens are those of decoding without drafts, to rounding. Of the paper's graph the
/// drafts are there, with the most probable token of a position, but not its pruning while decoding. NFE counts forwards, however many drafts they
/// have; forwarded tokens count them all.
package struct DraftGraphDecoder: Decoder {
    package private(set) var state: DecodingState
    /// The decoding that is made faster, with every step taken, whoever predicted it.
    private var plain: any Decoder
    private let graph: DraftGraph
    /// What the last step knew of positions that may still be masked.
    private var known: [Prediction] = []

    package init(_ task: DecodingTask, _ options: DraftGraphOptions) {
        plain =
            switch options.cache {
            case .none: BlockwiseDecoder(task, options.blocks)
            case .dual: BlockCacheDecoder(task, options.blocks, reuse: .dual)
            }
        state = plain.state
        graph = .usual.first(options.drafts)
    }

    package var maximumLength: Int { plain.maximumLength }

    package mutating func nextRequest() -> ForwardRequest? {
        guard var request = plain.nextRequest() else { return nil }
        state.adopt(plain.state)
        // What a forward adds to a cache, its drafts would have to see.
        if request.kind == .full || request.kind == .dual {
            let wanted = Set(request.candidates)
            request.variants = graph.filled(
                Array(state.tokens[request.inputs]), from: request.inputs.lowerBound,
                known.filter { wanted.contains($0.position) })
        }
        state.evaluations += 1
        return state.issue(request, blocks: plain.pendingBlocks)
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let request = state.answered()
        let width = request.candidates.count
        known = Array(predictions.prefix(width))
        var accepted = plain.accept(known).unmasked
        while let step = draftedStep(request), predictions.count >= (step.variant + 2) * width {
            let rows = predictions[(step.variant + 1) * width..<(step.variant + 2) * width]
            let wanted = Set(step.candidates)
            known = rows.filter { wanted.contains($0.position) }
            plain = step.decoder
            accepted += plain.accept(known).unmasked
        }
        let record = state.complete(accepting: accepted)
        state.adopt(plain.state)
        return record
    }

    /// The step that comes next, if one of the request's drafts is the sequence that it would forward.
    private func draftedStep(
        _ request: ForwardRequest
    ) -> (variant: Int, candidates: [Int], decoder: any Decoder)? {
        guard !request.variants.isEmpty else { return nil }
        var ahead = plain
        guard let next = ahead.nextRequest(), next.kind == request.kind, next.inputs == request.inputs,
            Set(next.candidates).isSubset(of: request.candidates),
            let variant = request.variants.firstIndex(of: Array(ahead.tokens[next.inputs]))
        else { return nil }
        return (variant, next.candidates, ahead)
    }
}

extension Decoder {
    /// States of the blocks as the request on its way was made.
    fileprivate var pendingBlocks: [BlockState] { state.pending?.blocks ?? [] }
}

extension DecodingMethod {
    static let draftGraph = DecodingMethod(
        "spiffy",
        "Spiffy: Fast-dLLM's or LLaDA's decoding with guesses of later steps in each forward; the same tokens.",
        defaults: DraftGraphOptions()
    ) { DraftGraphDecoder($0, $1) }
}
