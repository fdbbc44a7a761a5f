package import Documents
internal import Transformers

/// Options of ``JacobiMultiBlockDecoder``; the defaults are those of the released evaluation.
package struct JacobiMultiBlockOptions: DecoderOptions {
    /// Tokens after which no further call is begun; the last one isn't cut.
    package var generationLength = 1024
    /// Tokens per block.
    package var blockLength = 64
    /// Blocks that are under way at once (K).
    package var blocksAtOnce = 2
    /// Accepted share of the last block from which the next one is begun (r).
    package var blockAddThreshold = 0.85
    /// Rejected texts that are kept to be tried again.
    package var poolSize = 4
    /// Accepted share of a block from which kept texts are tried.
    package var candidateThreshold = 0.0
    /// Forwards of a call; the next call begins behind what is accepted by then.
    package var iterationLimit = 128
    /// What becomes of blocks that were begun early.
    ///
    /// `faithful`: when one takes the place of the block before, the number of blocks that are looked at falls by one. With two
    /// at once the call ends there, and what the early block had is thrown away. `corrected`: it is decoded on.
    package var earlyBlocks = Quirks.Behaviour.faithful
    /// Whether the prompt's forward counts.
    ///
    /// `faithful`: no. `corrected`: yes.
    package var countsPrefill = Quirks.Behaviour.faithful

    package init() {}

    package init(_ fields: Fields, defaults: JacobiMultiBlockOptions) {
        self = defaults
        (generationLength, blockLength) = fields.lengths(
            generation: defaults.generationLength, block: defaults.blockLength, fitsBlock: true)
        blocksAtOnce = fields.option(
            "blocksAtOnce", default: defaults.blocksAtOnce, in: 1...1024, "Blocks that are under way at once."
        )
        blockAddThreshold = fields.option(
            "blockAddThreshold", default: defaults.blockAddThreshold, in: 0...1,
            "Accepted share of the last block from which the next one is begun.")
        poolSize = fields.option(
            "poolSize", default: defaults.poolSize, in: 0...1024,
            "Rejected texts that are kept to be tried again, beside the draft in the same forward.")
        candidateThreshold = fields.option(
            "candidateThreshold", default: defaults.candidateThreshold, in: 0...1,
            "Accepted share of a block from which kept texts are tried.")
        iterationLimit = fields.option(
            "iterationLimit", default: defaults.iterationLimit, in: 1...1_000_000,
            "Forwards after which blocks begin anew behind what is accepted.")
        earlyBlocks = fields.option(
            "earlyBlocks", default: defaults.earlyBlocks,
            "Whether a block that was begun early is mostly thrown away when the one before it is done (faithful) or decoded on (corrected)."
        )
        countsPrefill = fields.countsPrefill(default: defaults.countsPrefill)
        fields.condition(
            "blockAddThreshold", "earlyBlocks", isUsed: blocksAtOnce > 1, with: "one block at once",
            user: "\"blocksAtOnce\""
        )
    }

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    /// As of ``JacobiOptions``: what kept texts save isn't known beforehand.
    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        var one = JacobiOptions()
        (one.generationLength, one.blockLength) = (generationLength, blockLength)
        return one.effort(prompt: prompt, answer: answer)
    }
}

/// Jacobi decoding of several blocks at once with texts that were rejected before (Jacobi Forcing's "multi-block decoding with
/// rejection recycling", arXiv 2512.14681; hao-ai-lab/JacobiForcing at 028dbd6,
/// `..._improved_multiblock_lookahead_unified.py`).
///
/// The first block is decoded as ``JacobiDecoder`` does it. Behind it stand drafts of later ones, of which nothing is accepted
/// until they are first. What follows the next token in a text that was rejected before is a further guess: all guesses are read by one
/// forward, and the best is kept. The tokens are those of greedy decoding.
///
/// A place of a later block without a guess holds padding.
package struct JacobiMultiBlockDecoder: Decoder {
    package private(set) var state: DecodingState
    private let options: JacobiMultiBlockOptions
    private let padding: Int32
    private var draws: DraftDraws
    private var hasEnded = false
    private var calls = 0

    // Of the call under way.
    private var blocks: [Block] = []
    /// The block whose tokens are accepted for good; those before it are done.
    private var first = 0
    /// How many of ``blocks`` are looked at.
    private var visible = 0
    /// Blocks that count as under way.
    private var underWay = 0
    private var iterations = 0
    /// Rejected texts, oldest first.
    private var pool: [[Int32]] = []

    /// Where the first draft starts; everything before is right.
    private var start: Int
    /// The token behind what is right.
    private var following: Int32?
    /// Which keys of the last forward stay, behind those before it.
    private var keptKeys = 0..<0
    private var keptStart = 0

    private struct Block {
        var accepted: [Int32] = []
        /// Guesses of what follows, equally long; the first is the model's own.
        var drafts: [[Int32]]
        /// Whether nothing of it counts yet.
        var isEarly = false

        var tokens: [Int32] { accepted + drafts[0] }
    }

    /// Calls after which decoding ends whatever they hold.
    private static let mostCalls = 1024

    package init(_ task: DecodingTask, _ options: JacobiMultiBlockOptions) {
        precondition(options.blockLength > 0, "a block holds at least one token")
        state = DecodingState(task, maskCount: 0)
        draws = DraftDraws(task.sampling ?? Sampling(prompt: task.prompt))
        start = task.prompt.count
        padding = task.paddingToken ?? task.endToken ?? task.prompt.last ?? 0
        self.options = options
    }

    package var maximumLength: Int {
        let length = options.blockLength
        let rounded = (options.generationLength + length - 1) / length * length
        // Upstream's calls may go on behind the length that is asked for.
        let isBounded = options.blocksAtOnce <= 2 || options.earlyBlocks == .corrected
        return state.promptLength + rounded
            + length * (isBounded ? options.blocksAtOnce : options.iterationLimit)
    }

    package mutating func nextRequest() -> ForwardRequest? {
        guard !hasEnded else { return nil }
        if state.forwards == 0 { return prefill() }
        state.evaluations += 1
        iterations += 1
        let rows = rows
        let count = rows[0].count
        var request = ForwardRequest(
            .cacheUpdate, inputs: start..<start + count, candidates: Array(start + 1...start + count),
            cache: .narrow(from: keptStart, keeping: keptKeys, rows.count * count), attention: .causal,
            predictsNext: true)
        request.variants = Array(rows.dropFirst())
        return state.issue(request, blocks: [])
    }

    private mutating func prefill() -> ForwardRequest {
        let prompt = state.promptLength
        state.replace(from: prompt, with: draws.tokens(options.blockLength, of: state.tokens[...]))
        if options.countsPrefill == .corrected { state.evaluations += 1 }
        (keptStart, keptKeys) = (prompt, prompt..<prompt)
        return state.issue(
            ForwardRequest(
                .prefill, inputs: 0..<prompt + options.blockLength,
                candidates: Array(prompt..<prompt + options.blockLength), cache: .rebuild(prompt),
                attention: .causal, predictsNext: true),
            blocks: [])
    }

    /// The early blocks that are looked at.
    private var early: [Int] { (0..<visible).filter { blocks[$0].isEarly } }

    /// The inputs: each guess of the first block, with the early blocks behind it.
    private var rows: [[Int32]] {
        let drafts = blocks[first].drafts
        return drafts.indices.map { row in
            early.reduce(drafts[row]) { text, index in
                let block = blocks[index]
                let own = block.drafts.count == drafts.count ? row : 0
                return text + block.accepted + block.drafts[own]
            }
        }
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let request = state.answered()
        let tokens = predictions.map(\.token)
        if request.kind == .prefill {
            beginCall(with: tokens)
            layOut()
            return state.complete(accepting: Array(predictions.prefix(1)))
        }
        let count = request.inputs.count
        let answers = (0...request.variants.count).map { Array(tokens[$0 * count..<($0 + 1) * count]) }
        let (best, right) = bestGuess(answers)
        let decided = predictions[best * count..<best * count + right]
        if let next = advance(best, right, answers) { finishTurn(next) }
        // What the model has said is in the sequence, but for what is behind its end.
        return state.complete(
            accepting: decided.filter {
                state.tokens.indices.contains($0.position) && state.tokens[$0.position] == $0.token
            })
    }

    /// The guess of which most is right, the first among equals, and how much that is.
    private func bestGuess(_ answers: [[Int32]]) -> (row: Int, right: Int) {
        let rights = zip(blocks[first].drafts, answers).map { Self.right(of: $0, $1[...]) }
        let most = rights.max() ?? 0
        return (rights.firstIndex(of: most) ?? 0, most)
    }

    /// How many tokens of a draft are right: the first, and those that the model would have said.
    private static func right(of draft: [Int32], _ answers: ArraySlice<Int32>) -> Int {
        guard !draft.isEmpty else { return 0 }
        return 1 + zip(draft.dropFirst(), answers).prefix { $0 == $1 }.count
    }

    /// Takes what is right; returns the token behind it, or nil where decoding ended.
    private mutating func advance(_ best: Int, _ right: Int, _ answers: [[Int32]]) -> Int32? {
        let length = blocks[first].drafts[0].count
        let count = answers[0].count
        let text = Array(blocks[first].drafts[best].prefix(right))
        (keptStart, keptKeys) = (start, start + best * count..<start + best * count + right)
        state.replace(from: start, with: text)
        start += right
        if let stop = state.firstEnd(in: start - right..<start) {
            state.cut(to: stop + 1)
            hasEnded = true
            return nil
        }
        blocks[first].accepted += text
        guard length > 0 else {
            // A complete block waits until an early one has a token.
            evaluateEarly(answers[0], behind: 0)
            return following
        }
        let answer = answers[best]
        let next = answer[right - 1]
        if right < length {
            blocks[first].drafts = [Array(answer[right - 1..<length - 1])]
            recycle(Array(answer[right..<max(right, length - 1)]))
        } else {
            blocks[first].drafts = [[]]
        }
        if state.isEnd(next) {
            state.replace(from: start, with: [next])
            hasEnded = true
            return nil
        }
        evaluateEarly(answers[options.earlyBlocks == .corrected ? best : 0], behind: length)
        following = next
        return next
    }

    /// Keeps what was rejected, and makes guesses of what was kept before.
    private mutating func recycle(_ rejected: [Int32]) {
        let whole = (0..<visible).flatMap { blocks[$0].tokens }.filter { $0 != padding }
        pool.append(whole)
        if !rejected.isEmpty { pool.append(rejected) }
        pool.removeFirst(max(0, pool.count - options.poolSize))
        let share = options.candidateThreshold * Double(options.blockLength)
        guard Double(blocks[first].accepted.count) >= share else { return }
        let draft = blocks[first].drafts[0]
        let guesses = pool.dropLast().reversed().compactMap { text -> [Int32]? in
            guard let place = text.firstIndex(of: draft[0]) else { return nil }
            let known = text[place...].prefix(draft.count)
            return Array(known) + Array(draft.dropFirst(known.count))
        }
        if guesses.count > 1 { blocks[first].drafts += guesses }
    }

    /// Mends the early blocks as the first one, but for end tokens and kept texts.
    private mutating func evaluateEarly(_ answers: [Int32], behind length: Int) {
        var offset = length
        for index in early {
            let accepted = blocks[index].accepted.count
            let own = answers[offset + accepted..<offset + options.blockLength]
            offset += options.blockLength
            let draft = blocks[index].drafts[0]
            let right = Self.right(of: draft, own)
            guard right > 0 else { continue }
            blocks[index].accepted += draft[..<right]
            blocks[index].drafts =
                right < draft.count ? [Array(own.dropFirst(right - 1).prefix(draft.count - right))] : [[]]
        }
    }

    /// Begins a block early, puts the next in the place of a complete one, and begins a new call where there is none.
    private mutating func finishTurn(_ next: Int32) {
        addBlock()
        if blocks[first].accepted.count >= options.blockLength { promote(next) }
        let isLong = start - state.promptLength >= options.generationLength
        let isDone =
            (0..<visible).allSatisfy { blocks[$0].accepted.count >= options.blockLength }
            || (options.earlyBlocks == .corrected && isLong && blocks[first].accepted.isEmpty)
        if isDone || iterations >= options.iterationLimit {
            calls += 1
            guard !isLong, calls < Self.mostCalls else {
                state.cut(to: start)
                hasEnded = true
                return
            }
            beginCall(with: [next] + draws.tokens(options.blockLength - 1, of: state.tokens[..<start]))
        }
        layOut()
    }

    private mutating func addBlock() {
        let length = options.blockLength
        let least = (options.blockAddThreshold * Double(length)).rounded(.up)
        guard Double(blocks[visible - 1].accepted.count) >= least, underWay < options.blocksAtOnce else {
            return
        }
        let drafts = blocks[first].drafts.map { draft in
            draft.prefix(length) + [Int32](repeating: padding, count: max(0, length - draft.count))
        }
        blocks.append(Block(drafts: drafts.map { Array($0) }, isEarly: true))
        visible += 1
        underWay += 1
    }

    /// Puts an early block in the place of the complete first one.
    private mutating func promote(_ next: Int32) {
        let isFaithful = options.earlyBlocks == .faithful
        for index in isFaithful ? 0..<visible : first + 1..<visible {
            if blocks[index].isEarly, !blocks[index].accepted.isEmpty || !isFaithful {
                let known = blocks[index].tokens
                blocks[index] = Block(drafts: [[next] + known.dropFirst()])
                first = index
                underWay -= 1
                if isFaithful { visible -= 1 }
                return
            }
            // Upstream counts each block that it passes over, those that are done too.
            if isFaithful { underWay -= 1 }
        }
    }

    private mutating func beginCall(with draft: [Int32]) {
        blocks = [Block(drafts: [draft])]
        (first, visible, underWay, iterations) = (0, 1, 1, 0)
        pool = []
        following = draft.first
    }

    /// Writes what the next forward reads behind what is right.
    private mutating func layOut() { state.replace(from: start, with: rows[0]) }
}

extension DecodingMethod {
    static let jacobiMultiBlock = DecodingMethod(
        "jacobi-multi-block",
        "Jacobi decoding of several blocks at once, with guesses from what was rejected before.",
        needsMask: false, attends: .causal, defaults: JacobiMultiBlockOptions()
    ) { JacobiMultiBlockDecoder($0, $1) }
}
