package import Documents
internal import Transformers

/// Options of ``JacobiDecoder``; the defaults are those of the released evaluation.
package struct JacobiOptions: DecoderOptions {
    /// Tokens after which no further block is begun; the last one isn't cut.
    package var generationLength = 1024
    /// Tokens per block.
    package var blockLength = 64
    /// What the first block begins with.
    package var firstDraft = FirstDraft.predicted
    /// Whether the prompt's forward counts.
    ///
    /// `faithful`: no. `corrected`: yes.
    package var countsPrefill = Quirks.Behaviour.faithful

    /// The first block's first guesses.
    package enum FirstDraft: String, Sendable, Hashable, CaseIterable {
        /// What the prompt's forward predicts behind random tokens (the decoding scripts).
        case predicted
        /// Random tokens behind the first predicted one, as in every later block (trajectories for training).
        case drawn
    }

    package init() {}

    package init(_ fields: Fields, defaults: JacobiOptions) {
        self = defaults
        (generationLength, blockLength) = fields.lengths(
            generation: defaults.generationLength, block: defaults.blockLength, fitsBlock: true)
        firstDraft = fields.option(
            "firstDraft", default: defaults.firstDraft,
            "The first block's first guesses: what the prompt's forward predicts behind random tokens (predicted), or random tokens (drawn), as in every later block."
        )
        countsPrefill = fields.countsPrefill(default: defaults.countsPrefill)
    }

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    /// About two tokens per forward, as Jacobi decoding of a model that wasn't trained for it gives.
    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let answer = min(answer, Double(generationLength))
        let tokens = min(Double(blockLength), answer) / 2
        let forwards = answer / 2 + 1
        return DecodingEffort(
            forwards: forwards, tokens: tokens + prompt / forwards, cached: prompt + answer / 2,
            logitRows: tokens)
    }
}

/// Jacobi decoding of an autoregressive model (Jacobi Forcing, arXiv 2512.14681; hao-ai-lab/JacobiForcing at 028dbd6): a block is
/// guessed at once, and each forward replaces what it has right by what follows, until nothing changes.
///
/// The tokens are those of greedy decoding; the random ones decide how many forwards that takes.
package struct JacobiDecoder: Decoder {
    package private(set) var state: DecodingState
    private let options: JacobiOptions
    private var draws: DraftDraws
    /// The block under way: what it holds up to ``start`` is right, the rest a guess.
    private var block = 0..<0
    /// The last token that is known to be right; its keys aren't in the cache yet.
    private var start = 0
    private var blocks = 0
    private var hasEnded = false

    /// Blocks after which decoding ends whatever they hold.
    private static let mostBlocks = 1024

    package init(_ task: DecodingTask, _ options: JacobiOptions) {
        precondition(options.blockLength > 0, "a block holds at least one token")
        state = DecodingState(task, maskCount: 0)
        draws = DraftDraws(task.sampling ?? Sampling(prompt: task.prompt))
        self.options = options
    }

    package var maximumLength: Int {
        let (most, length) = (options.generationLength, options.blockLength)
        return state.promptLength + (most + length - 1) / length * length
    }

    package mutating func nextRequest() -> ForwardRequest? {
        guard !hasEnded else { return nil }
        if state.forwards == 0 { return prefill() }
        state.evaluations += 1
        let inputs = start..<block.upperBound
        return state.issue(
            ForwardRequest(
                .cacheUpdate, inputs: inputs, candidates: Array(start + 1...block.upperBound),
                cache: .replace(from: start, inputs.count), attention: .causal, predictsNext: true),
            blocks: [])
    }

    private mutating func prefill() -> ForwardRequest {
        let prompt = state.promptLength
        var drafted = 0
        if options.firstDraft == .predicted {
            drafted = options.blockLength
            state.replace(from: prompt, with: draws.tokens(drafted, of: state.tokens[...]))
        }
        if options.countsPrefill == .corrected { state.evaluations += 1 }
        return state.issue(
            ForwardRequest(
                .prefill, inputs: 0..<prompt + drafted,
                candidates: drafted > 0 ? Array(prompt..<prompt + drafted) : [prompt],
                cache: .rebuild(prompt), attention: .causal, predictsNext: true),
            blocks: [])
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let request = state.answered()
        let tokens = predictions.map(\.token)
        if request.kind == .prefill {
            let first = state.promptLength
            begin(at: first, with: tokens[0])
            if options.firstDraft == .predicted { state.replace(from: first, with: tokens) }
            return state.complete(accepting: Array(predictions.prefix(1)))
        }
        let (count, end) = (request.inputs.count, block.upperBound)
        var right = 1
        while right < count, state.tokens[start + right] == tokens[right - 1] { right += 1 }
        // The token behind the right ones is right, too: the model has just said it.
        let decided = Array(predictions.prefix(right))
        if let stop = state.firstEnd(in: start..<start + right) {
            state.cut(to: stop + 1)
            hasEnded = true
            return state.complete(accepting: decided.filter { $0.position <= stop })
        }
        guard right < count else {
            blocks += 1
            hasEnded = end - state.promptLength >= options.generationLength || blocks >= Self.mostBlocks
            if !hasEnded { begin(at: end, with: tokens[count - 1]) }
            return state.complete(accepting: hasEnded ? Array(decided.dropLast()) : decided)
        }
        state.replace(from: start + right, with: Array(tokens[(right - 1)..<(count - 1)]))
        start += right
        if state.isEnd(state.tokens[start]) {
            state.cut(to: start + 1)
            hasEnded = true
        }
        return state.complete(accepting: decided)
    }

    /// A new block: a token that is known, and random ones of what stands before it.
    private mutating func begin(at position: Int, with token: Int32) {
        block = position..<position + options.blockLength
        start = position
        let isPredicted = options.firstDraft == .predicted && position == state.promptLength
        let others =
            isPredicted ? [] : draws.tokens(options.blockLength - 1, of: state.tokens[..<position])
        state.replace(from: position, with: [token] + others)
    }
}

/// Random tokens for drafts, drawn from a sequence with replacement.
struct DraftDraws: Sendable {
    private let sampling: Sampling
    /// How many were drawn.
    private var count = 0

    init(_ sampling: Sampling) { self.sampling = sampling }

    mutating func tokens(_ number: Int, of sequence: ArraySlice<Int32>) -> [Int32] {
        (0..<number).map { _ in
            defer { count += 1 }
            if case .tokens(let recorded) = sampling.script, recorded.indices.contains(count) {
                return recorded[count]
            }
            let place = SamplingStep(sampling, step: count).uniform("draft", at: 0) * Double(sequence.count)
            return sequence[sequence.startIndex + min(Int(place), sequence.count - 1)]
        }
    }
}

extension DecodingMethod {
    static let jacobi = DecodingMethod(
        "jacobi",
        "Jacobi decoding: a block of an autoregressive model's tokens is guessed at once and mended until nothing changes.",
        needsMask: false, attends: .causal, defaults: JacobiOptions()
    ) { JacobiDecoder($0, $1) }
}
