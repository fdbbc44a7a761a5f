package import Documents
internal import Transformers

/// Options of ``MultiBDDecoder``; the defaults are those of the published results for mathematics with blocks of 32.
package struct MultiBDOptions: DecoderOptions {
    /// Tokens to generate; see ``emptyBlocks``.
    package var generationLength = 4096
    /// Tokens per block.
    package var blockLength = 32
    /// Blocks that are decoded at once at most.
    package var bufferSize = 4
    /// Decoded share of the last block from which the next one is begun.
    package var blockAddThreshold = 0.1
    /// Decoded share of the block before from which a block decodes a token in every forward.
    package var decodedTokenThreshold = 0.9
    /// Predictions with a higher probability than this are accepted.
    package var threshold = 0.95
    /// Forwards after which decoding ends; nil sets that from what the first eight decoded.
    package var evaluationLimit: Int?
    /// Tokens of prompt and response at which decoding ends; nil for no such limit.
    package var modelLength: Int?
    /// Whether blocks that aren't begun count towards the limits.
    ///
    /// `faithful`: yes, so that decoding ends while up to ``bufferSize`` blocks are unfinished or untouched. `corrected`: no; at
    /// the limit no further block is begun, and those that are begun are decoded to their ends.
    package var emptyBlocks = Quirks.Behaviour.faithful

    package init() {}

    package init(_ fields: Fields, defaults: MultiBDOptions) {
        self = defaults
        (generationLength, blockLength) = fields.lengths(
            generation: defaults.generationLength, block: defaults.blockLength)
        bufferSize = fields.option(
            "bufferSize", default: defaults.bufferSize, in: 1...1024,
            "Blocks that are decoded at once at most.")
        (blockAddThreshold, decodedTokenThreshold) = fields.progressThresholds(
            add: defaults.blockAddThreshold, activate: defaults.decodedTokenThreshold, recordsActivate: true)
        threshold = fields.option(
            "threshold", default: defaults.threshold, in: 0...1,
            "Predictions with a higher probability are accepted; upstream's program has 0.95 whatever is asked of it.",
            isAlwaysRecorded: true)
        evaluationLimit = fields.option(
            "evaluationLimit", default: defaults.evaluationLimit, in: 1...1_000_000,
            "Forwards after which decoding ends; null: as many as all tokens take at the rate of the first eight."
        )
        modelLength = fields.option(
            "modelLength", default: defaults.modelLength, in: 1...10_000_000,
            "Tokens of prompt and response at which decoding ends; null for no such limit.")
        emptyBlocks = fields.option(
            "emptyBlocks", default: defaults.emptyBlocks,
            "Whether blocks that aren't begun count towards the limits, so that decoding ends with some unfinished (faithful), or not (corrected)."
        )
    }

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let expected = ExpectedResponse(lengths, stopsEarly: true, prompt: prompt, answer: answer)
        let rate = ExpectedRate.limited(
            ExpectedRate.confidence(threshold), block: expected.block, severalBlocks: bufferSize > 1)
        let forwards = expected.wanted / rate + 2
        let tokens = expected.block * min(2, Double(bufferSize))
        return DecodingEffort(
            forwards: forwards, tokens: tokens + prompt / forwards, cached: prompt + expected.wanted / 2,
            logitRows: tokens / 2)
    }
}

/// MultiBD decoding of block-causal models (MBD-LMs, SJTU-DENG-Lab/mbd-lms at f20911d; Diffulex, branch mbd-lms at 9d1a04e): a buffer of
/// blocks on the absolute grid of which several are decoded at once; a complete block leaves it one forward later, which
/// stores its keys and values while the others are decoded.
///
/// Blocks behind an end token are decoded to their ends before decoding ends. Upstream feeds the buffer's blocks that aren't
/// begun as well and throws the rows away; they are left out here, which changes nothing but the tokens fed.
package struct MultiBDDecoder: Decoder {
    private enum Phase: Sendable { case dummy, active, toCache, inCache }
    private enum Context: Sendable { case inside, last, outside }

    private struct Block: Sendable {
        var phase: Phase
        var context = Context.inside
    }

    /// Why decoding ended, in upstream's words; nil until then.
    package private(set) var completion: String?
    package private(set) var state: DecodingState
    private let options: MultiBDOptions
    private var blocks: [Block]
    /// First block of the buffer.
    private var first: Int
    private var limit: Int?

    package init(_ task: DecodingTask, _ options: MultiBDOptions) {
        precondition(options.blockLength > 0 && options.bufferSize > 0, "blocks and a buffer hold something")
        let (prompt, length) = (task.prompt.count, options.blockLength)
        let isPadded = prompt % length != 0
        let promptBlocks = (prompt + length - 1) / length
        let dummies = isPadded ? options.bufferSize - 1 : options.bufferSize
        let count = promptBlocks + dummies
        // Its sampler never chooses the mask token, and the last of equals.
        var choice = TokenChoice()
        (choice.forbidden, choice.takesLastOfEquals) = (task.maskToken, true)
        state = DecodingState(task, maskCount: count * length - prompt, choice: choice)
        self.options = options
        blocks = (0..<count).map { index in
            Block(phase: index >= promptBlocks ? .dummy : index < prompt / length ? .toCache : .active)
        }
        first = count - options.bufferSize
        limit = options.evaluationLimit
        if let most = options.modelLength, prompt >= most { completion = "max_model_len_reached" }
    }

    package var maximumLength: Int {
        let length = options.blockLength
        let most = state.promptLength + options.generationLength + (2 * options.bufferSize + 2) * length
        return (most + length - 1) / length * length
    }

    private var buffer: Range<Int> { first..<blocks.count }

    private func range(_ block: Int) -> Range<Int> {
        block * options.blockLength..<(block + 1) * options.blockLength
    }

    private func progress(_ block: Int) -> Double {
        1 - Double(state.undecided(in: range(block)).count) / Double(options.blockLength)
    }

    private func isComplete(_ block: Int) -> Bool { state.undecided(in: range(block)).isEmpty }

    /// The buffer's blocks that are begun; they come first.
    private var begun: Range<Int> { first..<(buffer.first { blocks[$0].phase == .dummy } ?? blocks.count) }

    /// The last block that is begun, or where none is the last of the buffer.
    private var lastBegun: Int { begun.isEmpty ? blocks.count - 1 : begun.upperBound - 1 }

    private var hasSeenEnd: Bool { state.firstEnd(in: state.generated) != nil }

    /// Tokens of prompt and response as the limits count them.
    private var length: Int {
        options.emptyBlocks == .faithful ? state.tokens.count : begun.upperBound * options.blockLength
    }

    private var hasReachedLength: Bool { lengthReason != nil }

    private var lengthReason: String? {
        if length - state.promptLength >= options.generationLength { return "max_new_tokens_reached" }
        return length >= options.modelLength ?? .max ? "max_model_len_reached" : nil
    }

    // MARK: - A forward

    package mutating func nextRequest() -> ForwardRequest? {
        guard completion == nil else { return nil }
        beginBlock()
        let ready = blocks.indices.filter { blocks[$0].phase == .toCache }
        let length = options.blockLength
        let isPadded = state.promptLength % length != 0
        let isPrefilling = state.forwards == 0
        let inputs: Range<Int>
        if isPrefilling {
            inputs = 0..<(isPadded ? begun.upperBound * length : state.promptLength)
        } else {
            inputs = first * length..<begun.upperBound * length
        }
        let stored = ready.count * length
        return state.issue(
            ForwardRequest(
                isPrefilling ? .prefill : stored > 0 ? .cacheUpdate : .cached, inputs: inputs,
                candidates: begun.filter {
                    blocks[$0].phase == .active && range($0).upperBound <= inputs.upperBound
                }
                .flatMap { state.undecided(in: range($0)) },
                cache: isPrefilling ? .rebuild(stored) : stored > 0 ? .append(stored) : .read,
                attention: .blockCausal(promptLength: 0, blockLength: length),
                boundaries: stored > 0 ? [inputs.lowerBound + stored] : []),
            blocks: blockStates)
    }

    /// Begins one block of the buffer, where the last one is decoded far enough or none is begun.
    private mutating func beginBlock() {
        guard begun.upperBound < blocks.count, options.emptyBlocks == .faithful || !hasReachedLength else {
            return
        }
        let last = lastBegun
        let follows = progress(last) >= options.blockAddThreshold && blocks[last].context != .last
        let starts =
            !buffer.contains { blocks[$0].phase == .active } && !hasSeenEnd && begun.isEmpty && first > 0
            && blocks[first - 1].phase == .inCache
        if follows || starts { blocks[begun.upperBound].phase = .active }
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let isPrefilling = state.forwards == 0
        var accepted: [Prediction] = []
        for block in begun where blocks[block].phase == .active {
            let own = predictions.filter { range(block).contains($0.position) }
            let sure = own.filter { $0.probability > options.threshold }
            let isForced = block == 0 || progress(block - 1) >= options.decodedTokenThreshold
            accepted += sure.isEmpty && isForced ? AcceptanceRule.byConfidence(own).prefix(1) : sure[...]
        }
        let record = state.complete(accepting: accepted)
        store(isPrefilling: isPrefilling)
        if hasSeenEnd { markLast() }
        // What ends decoding by itself is looked at before the forward is counted, the limits after it.
        if completion == nil { endInContext() }
        state.evaluations += 1
        limitEvaluations()
        endAtLimit()
        return record
    }

    // MARK: - Behind a forward

    /// Blocks whose keys and values this forward stored leave the buffer; complete ones are stored by the next.
    private mutating func store(isPrefilling: Bool) {
        if isPrefilling {
            for block in 0..<state.promptLength / options.blockLength where blocks[block].phase == .toCache {
                blocks[block].phase = .inCache
            }
        }
        var slot = 0
        while slot < options.bufferSize {
            let block = first + slot
            let follows =
                block == 0 || blocks[block - 1].phase == .toCache || blocks[block - 1].phase == .inCache
            if blocks[block].phase == .active, isComplete(block), follows {
                blocks[block].phase = .toCache
                slot += 1
            } else if blocks[block].phase == .toCache {
                blocks[block].phase = .inCache
                first += 1
                appendDummy()
            } else {
                slot += 1
            }
        }
    }

    private mutating func appendDummy() {
        state.appendMasks(options.blockLength)
        var block = Block(phase: .dummy)
        let before = blocks[blocks.count - 1].context
        if hasReachedLength, before == .inside {
            block.context = .last
        } else if before != .inside {
            block.context = .outside
        }
        blocks.append(block)
    }

    /// No block follows the one that is begun last, once an end token is there.
    private mutating func markLast() {
        makeLast(lastBegun)
        if blocks[first].phase == .dummy, blocks[first].context == .last, first > 0 { makeLast(first - 1) }
    }

    private mutating func makeLast(_ block: Int) {
        if blocks[block].context == .inside { blocks[block].context = .last }
    }

    private mutating func endInContext() {
        let hasReason = hasSeenEnd || hasReachedLength || hasReachedEvaluations
        guard hasReason, first > 0, isComplete(first - 1), blocks[first - 1].context == .last,
            begun.allSatisfy(isComplete)
        else { return }
        completion =
            hasSeenEnd ? "eos_token_generated" : lengthReason ?? "max_nfe_reached"
    }

    private var hasReachedEvaluations: Bool { limit.map { state.evaluations >= $0 } ?? false }

    /// Sets the limit of forwards from what the first eight decoded, where none is given.
    private mutating func limitEvaluations() {
        guard limit == nil, state.evaluations >= 8 else { return }
        let decoded = state.generated.count - state.undecided(in: state.generated).count
        let rate = max(1, Double(decoded) / Double(state.evaluations))
        limit = max(state.evaluations, Int((Double(options.generationLength) / rate).rounded(.up)))
    }

    private mutating func endAtLimit() {
        if options.emptyBlocks == .corrected, hasReachedLength, !hasReachedEvaluations {
            // What is begun is decoded first.
            if begun.allSatisfy(isComplete) { completion = completion ?? lengthReason }
            return
        }
        if hasReachedLength || hasReachedEvaluations { completion = lengthReason ?? "max_nfe_reached" }
    }

    private var blockStates: [BlockState] {
        (state.promptLength / options.blockLength..<blocks.count).map { block in
            switch blocks[block].phase {
            case .dummy: .inactive
            case .active:
                block > 0 && progress(block - 1) < options.decodedTokenThreshold
                    ? .activated : .fullyActivated
            case .toCache: .completedStabilizing
            case .inCache: .completed
            }
        }
    }
}

extension DecodingMethod {
    static let multiBD = DecodingMethod(
        "multi-bd",
        "MultiBD: a buffer of blocks decoded at once beside an exact cache, all attention by blocks.",
        attends: .byBlocks, defaults: MultiBDOptions()
    ) { MultiBDDecoder($0, $1) }
}
