package import Documents
package import Transformers

/// Options of ``LayerSkippingDecoder``; the defaults are those of the published scripts.
package struct LayerSkippingOptions: DecoderOptions {
    /// Tokens to generate; the last drafts that are agreed with may exceed them.
    package var generationLength = 256
    /// Share of the halves of inner blocks that drafts skip.
    package var skipRatio = 0.45
    /// Whether better sets of halves are looked for on the way.
    package var searches = true
    /// Verifications from one look to the next.
    package var searchInterval = 1
    /// First generated tokens that sets are measured by.
    package var searchWindow = 50
    /// The share of right guesses that ends the search.
    package var searchGoal = 0.93
    /// Looks, and looks in a row that find nothing better, after which the search ends.
    package var searchLimit = 1000
    package var searchPatience = 300
    /// How tokens are drawn.
    package var temperature = 0.0
    package var topP: Double? = 0.85
    /// Whether a last draft is made that nobody looks at (released code).
    package var lastDraft = Quirks.Behaviour.faithful
    /// What is skipped at first; nil for the two halves of every second block.
    package var start: LayerSkips?
    /// Sets that are measured instead of drawn ones, by the number of the look; recorded runs have them from an optimiser.
    package var proposals: [Int: LayerSkips] = [:]

    package init() {}

    package init(_ fields: Fields, defaults: LayerSkippingOptions) {
        self = defaults
        generationLength = fields.option(
            "generationLength", default: defaults.generationLength, in: 1...1_000_000,
            "Tokens to generate; drafts that are agreed with may exceed them.", meaning: .responseLength)
        skipRatio = fields.option(
            "skipRatio", default: defaults.skipRatio, in: 0...1,
            "Share of the attention and feed-forward halves of blocks, the first and the last left alone, that sets of the search skip."
        )
        searches = fields.option(
            "search", default: defaults.searches,
            "Whether better sets of halves to skip are looked for: drawn at random, measured by one forward over the answer's beginning. The released code's Bayesian proposals aren't there."
        )
        searchInterval = fields.option(
            "searchInterval", default: defaults.searchInterval, in: 1...1_000_000,
            "Verifications from one look to the next.")
        searchWindow = fields.option(
            "searchWindow", default: defaults.searchWindow, in: 1...1_000_000,
            "First tokens of the answer that a set is measured by; the search waits for them.")
        searchGoal = fields.option(
            "searchGoal", default: defaults.searchGoal, in: 0...1,
            "Share of right guesses above which the search ends.")
        searchLimit = fields.option(
            "searchLimit", default: defaults.searchLimit, in: 0...1_000_000, "Looks after which it ends.")
        searchPatience = fields.option(
            "searchPatience", default: defaults.searchPatience, in: 0...1_000_000,
            "Looks in a row without a better set after which it ends.")
        temperature = fields.temperature(default: defaults.temperature)
        topP = fields.topP(default: defaults.topP)
        lastDraft = fields.option(
            "lastDraft", default: defaults.lastDraft,
            "Whether a last draft is made that nobody looks at, as in the released code (faithful), or none (corrected)."
        )
        fields.condition(
            "skipRatio", "searchInterval", "searchWindow", "searchGoal", "searchLimit", "searchPatience",
            isUsed: searches, with: "\"search\" false", user: "a search")
        fields.condition("topP", isUsed: temperature > 0, with: "the temperature 0", user: "drawn tokens")
    }

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength) }

    /// A verification of four tokens and as many drafts, each of a single row.
    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let answer = min(answer, Double(generationLength))
        return DecodingEffort(
            forwards: 1 + answer * 1.25, tokens: 4 + prompt / max(1, answer), cached: prompt + answer / 2,
            logitRows: 4)
    }
}

/// Self-speculative decoding by skipping layers (SWIFT, arXiv 2410.06916; hemingkx/SWIFT at 88caed7): a model without some halves of
/// its blocks drafts, and the whole model checks the draft and its likely alternatives in one forward.
///
/// Greedy, the tokens are those of plain decoding; drawn, they are distributed as those. Which halves are skipped is searched on the
/// way, by how many of the answer's first tokens the rest of the model would have guessed. Every sequence searches for itself, so that neither
/// order nor batch changes a result; upstream goes on with what earlier prompts found. NFE counts drafts like other forwards.
package struct LayerSkippingDecoder: Decoder {
    package private(set) var state: DecodingState
    private let options: LayerSkippingOptions
    private var phase = Phase.prompt
    /// The halves that drafts skip.
    package private(set) var skips = LayerSkips(attention: [], feedForward: [])
    /// How many blocks have halves that can be skipped: all but the first and the last.
    private var blocks = 0
    /// Tokens that are decided, prompt included.
    private var settled: Int
    /// The next token, which isn't in the cache yet.
    private var next: Prediction?
    private var draft: [DraftStep] = []
    /// What becomes of the cache when the next draft begins.
    private var rewind = ForwardRequest.CacheAction.ignore
    private var search: LayerSearch
    private var draws: DrawSequence
    private var hasEnded = false

    /// Forwards of the whole model, those of drafts and of the search, and tokens accepted by each verification.
    package private(set) var wholeForwards = 0
    package private(set) var skippedForwards = 0
    package private(set) var acceptedLengths: [Int] = []
    /// Lengths of all drafts, and tokens that each verification read.
    package private(set) var draftLengths: [Int] = []
    package private(set) var treeSizes: [Int] = []
    /// What the search looked at.
    package var looks: [LayerSearch.Look] { search.looks }

    private enum Phase { case prompt, draft, verification, look, done }

    /// Verifications at most (upstream's constant).
    private static let mostVerifications = 512

    package init(_ task: DecodingTask, _ options: LayerSkippingOptions) {
        state = DecodingState(task, maskCount: 0)
        settled = task.prompt.count
        draws = DrawSequence(state.draws.sampling, purpose: "swift")
        search = LayerSearch(options)
        self.options = options
    }

    package var maximumLength: Int {
        // A draft, its first token and its alternatives lie behind what is decided.
        state.promptLength + options.generationLength + 2 + DraftStep.most * (1 + DraftStep.mostCandidates)
    }

    package mutating func begin(_ model: TransformerConfiguration) {
        blocks = max(0, model.layers - 2)
        let odd = Set(stride(from: 1, to: model.layers - 1, by: 2))
        let start = options.start ?? LayerSkips(attention: odd, feedForward: odd)
        // What a model doesn't have isn't skipped.
        let inner = Set(blocks > 0 ? 1..<model.layers - 1 : 1..<1)
        skips = LayerSkips(
            attention: start.attention.intersection(inner), feedForward: start.feedForward.intersection(inner)
        )
    }

    /// Tokens that are generated so far.
    private var count: Int { settled - state.promptLength }

    private var sampler: DraftSampler? {
        options.temperature > 1e-5
            ? DraftSampler(temperature: options.temperature, topP: options.topP ?? 1) : nil
    }

    package mutating func nextRequest() -> ForwardRequest? {
        var request: ForwardRequest
        switch phase {
        case .prompt:
            request = ForwardRequest(
                .prefill, inputs: 0..<settled, candidates: [settled], cache: .rebuild(settled),
                attention: .causal, predictsNext: true)
        case .draft:
            guard let next else { return nil }
            if draft.isEmpty { state.replace(from: settled, with: [next.token]) }
            let position = settled + draft.count
            request = ForwardRequest(
                .cacheUpdate, inputs: position..<position + 1, candidates: [position + 1],
                cache: draft.isEmpty ? rewind : .append(1), attention: .causal, predictsNext: true)
            request.skips = skips
        case .verification:
            let inputs = settled..<state.tokens.count
            let siblings = DraftStep.siblings(of: draft, isDrawn: sampler != nil, from: settled)
            request = ForwardRequest(
                .cacheUpdate, inputs: inputs, candidates: inputs.map { $0 + 1 },
                cache: .replace(from: settled, inputs.count + siblings.count), attention: .causal,
                predictsNext: true)
            request.siblings = siblings
        case .look:
            let start = state.promptLength
            request = ForwardRequest(
                .cached, inputs: start..<start + options.searchWindow + 1,
                candidates: Array(start + 1...start + options.searchWindow), cache: .read,
                attention: .causal, predictsNext: true)
            request.seen = start
            request.skips = search.propose(blocks: blocks, &draws)
        case .done: return nil
        }
        request.wantsLogits = phase == .draft || phase != .look && sampler != nil
        state.evaluations += 1
        return state.issue(request, blocks: [])
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let asked = phase
        if asked == .prompt || asked == .verification { wholeForwards += 1 } else { skippedForwards += 1 }
        switch asked {
        case .prompt:
            let prediction = predictions[0]
            next =
                sampler.map { sampler in
                    prediction.choosing(draws.one(of: sampler.probabilities(prediction.logits)))
                } ?? prediction
            rewind = .replace(from: settled, 1)
            phase = .draft
            return state.complete(accepting: [])
        case .draft:
            let step = DraftStep(predictions[0], sampler, &draws)
            draft.append(step)
            let isLast =
                step.confidence < DraftStep.stop || count + draft.count + 1 >= options.generationLength
                || draft.count == DraftStep.most
            if isLast {
                draftLengths.append(draft.count)
                phase = hasEnded ? .done : .verification
            }
            let record = state.complete(accepting: [])
            if phase == .done {
                state.cut(to: settled)
            } else {
                state.append(step.candidates[0])
            }
            return record
        case .verification: return verified(predictions)
        case .look:
            let window = state.tokens[state.promptLength..<state.promptLength + options.searchWindow + 1]
            let right = zip(predictions, window.dropFirst()).filter { $0.token == $1 }.count
            if let better = search.measured(right, of: window.count - 1) { skips = better }
            beginDraft()
            return state.complete(accepting: [])
        case .done: preconditionFailure("an answer without a request")
        }
    }

    /// Takes what the whole model makes of the draft.
    private mutating func verified(_ predictions: [Prediction]) -> StepRecord {
        let chain = predictions.prefix(draft.count + 1)
        let siblings = Array(predictions.dropFirst(draft.count + 1))
        treeSizes.append(predictions.count)
        let agreement =
            sampler.map { DraftAgreement(draft, Array(chain), siblings, $0, &draws) }
            ?? DraftAgreement(draft, Array(chain), siblings)
        let first = settled
        let accepted = agreement.accepted
        var unmasked: [Prediction] = []
        if let next { unmasked.append(next) }
        for (place, token) in accepted.enumerated() { unmasked.append(predictions[place].choosing(token)) }
        state.replace(from: first, with: unmasked.map(\.token))
        settled += unmasked.count
        acceptedLengths.append(unmasked.count)
        rewind = .replace(from: settled, 1)
        if let sibling = agreement.sibling {
            let row = first + chain.count + sibling
            rewind = .narrow(from: settled - 1, keeping: row..<row + 1, 1)
        }
        next = agreement.next
        let record = state.complete(accepting: unmasked)
        hasEnded =
            state.firstEnd(in: state.promptLength..<settled) != nil || count > options.generationLength
            || acceptedLengths.count == Self.mostVerifications
        let looks =
            search.isOn && count > options.searchWindow + 1
            && (acceptedLengths.count - 1) % options.searchInterval == 0
        if looks { phase = .look } else { beginDraft() }
        return record
    }

    private mutating func beginDraft() {
        draft = []
        phase = hasEnded && options.lastDraft == .corrected ? .done : .draft
    }
}

/// The search for the halves of blocks that drafts skip.
package struct LayerSearch: Sendable {
    /// One look: what was measured, its share of right guesses, and the best set and share afterwards.
    package struct Look: Sendable, Hashable {
        /// Indices that were drawn, ascending: attention of the inner blocks, then their feed-forward halves; empty where it was given.
        package var drawn: [Int]
        package var skips: LayerSkips
        package var share: Double
        package var best: Double
        package var after: LayerSkips?
    }

    private let options: LayerSkippingOptions
    private(set) var looks: [Look] = []
    private(set) var isOn: Bool
    private var best = 0.0
    private var bestSkips: LayerSkips?
    private var failures = 0

    init(_ options: LayerSkippingOptions) {
        self.options = options
        isOn = options.searches
    }

    /// The set that is measured next.
    mutating func propose(blocks: Int, _ draws: inout DrawSequence) -> LayerSkips {
        var drawn: [Int] = []
        let given = options.proposals[looks.count]
        if given == nil {
            var left = Array(0..<2 * blocks)
            for _ in 0..<Int(Double(2 * blocks) * options.skipRatio) {
                drawn.append(left.remove(at: draws.below(left.count)))
            }
        }
        let skips =
            given
            ?? LayerSkips(
                attention: Set(drawn.filter { $0 < blocks }.map { $0 + 1 }),
                feedForward: Set(drawn.filter { $0 >= blocks }.map { $0 - blocks + 1 }))
        looks.append(Look(drawn: drawn.sorted(), skips: skips, share: 0, best: best))
        return skips
    }

    /// Notes how many guesses were right; returns the set if it is the best so far.
    mutating func measured(_ right: Int, of count: Int) -> LayerSkips? {
        let last = looks.count - 1
        let share = Double(right) / Double(max(1, count))
        let isBetter = share > best
        if isBetter {
            (best, bestSkips, failures) = (share, looks[last].skips, 0)
            if share > options.searchGoal { isOn = false }
        } else {
            failures += 1
        }
        if failures > options.searchPatience || looks.count > options.searchLimit { isOn = false }
        (looks[last].share, looks[last].best, looks[last].after) = (share, best, bestSkips)
        return isBetter ? bestSkips : nil
    }
}

extension DecodingMethod {
    /// SWIFT.
    static let layerSkipping = DecodingMethod(
        "swift",
        "SWIFT: token by token; the model without some of its layers drafts, the whole model checks.",
        needsMask: false, attends: .causal, defaults: LayerSkippingOptions()
    ) { LayerSkippingDecoder($0, $1) }
}
