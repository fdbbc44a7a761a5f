internal import Numerics

/// One token of a draft, with others that could stand in its place.
struct DraftStep: Sendable {
    /// Tokens of a draft at most, and alternatives that are kept of each (SWIFT's constants).
    static let most = 25
    static let mostCandidates = 10
    /// A draft ends with the first token that is less probable.
    static let stop = 0.8

    /// The draft's token, then its alternatives: the most probable, or as they were drawn.
    let candidates: [Int32]
    /// The probability of ``candidates``' first among all tokens, without temperature and limits.
    let confidence: Double
    /// Where tokens are drawn: the probability of each candidate once those before it are ruled out, 0 or less where nothing is left.
    private(set) var conditional: [Float] = []
    /// Where tokens are drawn: what they were drawn from (V).
    private(set) var distribution: [Float] = []

    /// - Parameters:
    ///   - prediction: what the model that drafts predicts, with its row of logits; without one it is the only candidate.
    ///   - sampler: nil takes the most probable tokens.
    init(_ prediction: Prediction, _ sampler: DraftSampler?, _ draws: inout DrawSequence) {
        let logits = prediction.logits
        guard !logits.isEmpty else {
            (candidates, confidence) = ([prediction.token], prediction.probability)
            return
        }
        guard let sampler else {
            let largest = logits.withUnsafeBufferPointer {
                TokenLikelihood.largest(Self.mostCandidates, $0).map(Int32.init)
            }
            // A row without numbers has no largest.
            candidates = largest.isEmpty ? [prediction.token] : largest
            confidence = Self.confidence(candidates.first, logits)
            return
        }
        distribution = sampler.probabilities(logits)
        candidates = draws.several(Self.mostCandidates, of: distribution)
        confidence = Self.confidence(candidates.first, logits)
        var before: Float = 0
        for token in candidates {
            let probability = distribution[Int(token)]
            let share = probability / (1 - before)
            conditional.append(share.isFinite ? max(0, min(1, share)) : 0)
            before += probability
        }
    }

    private static func confidence(_ token: Int32?, _ logits: [Float]) -> Double {
        guard let token else { return 0 }
        return Double(DraftSampler.softmax(logits)[Int(token)])
    }

    /// How many candidates are checked: the surer the draft, the fewer.
    func width(isDrawn: Bool) -> Int {
        let place = confidence > 0.95 ? 0 : confidence > 0.8 ? 1 : confidence > 0.5 ? 2 : 3
        return min(candidates.count, (isDrawn ? [1, 3, 5, 10] : [3, 5, 8, 10])[place])
    }

    /// The alternatives of a draft that are checked besides it, token after token.
    ///
    /// - Parameter start: position of the token before the draft.
    static func siblings(of draft: [DraftStep], isDrawn: Bool, from start: Int) -> [ForwardRequest.Sibling] {
        draft.enumerated().flatMap { depth, step in
            step.candidates.prefix(step.width(isDrawn: isDrawn)).dropFirst().map {
                ForwardRequest.Sibling(position: start + depth + 1, token: $0)
            }
        }
    }
}

/// How much of a draft the whole model agrees with.
///
/// The draft is a chain of tokens with alternatives that have nothing behind them. Paths that are shorter than the draft end where they end;
/// upstream fills them up with token 0, which can be accepted where the model predicts it.
struct DraftAgreement {
    /// Tokens of the draft that stay; the last one may be an alternative.
    private(set) var accepted: [Int32] = []
    /// Which alternative the last one is, of all; nil where it is the draft's own.
    private(set) var sibling: Int?
    /// The token behind them.
    private(set) var next: Prediction

    /// Greedy: tokens stay as far as they are the model's own.
    ///
    /// - Parameters:
    ///   - chain: what follows the token before the draft and each of its tokens.
    ///   - siblings: what follows each alternative.
    init(_ draft: [DraftStep], _ chain: [Prediction], _ siblings: [Prediction]) {
        var first = 0
        next = chain[0]
        for (depth, step) in draft.enumerated() {
            let width = step.width(isDrawn: false)
            let wanted = chain[depth].token
            guard let place = step.candidates.prefix(width).firstIndex(of: wanted) else { return }
            accepted.append(wanted)
            next = place == 0 ? chain[depth + 1] : siblings[first + place - 1]
            if place > 0 {
                sibling = first + place - 1
                return
            }
            first += width - 1
        }
    }

    /// Drawn: each candidate stays with the probability that makes the tokens distributed as the model's own (speculative sampling over
    /// several candidates, each drawn after the ones before were ruled out).
    init(
        _ draft: [DraftStep], _ chain: [Prediction], _ siblings: [Prediction], _ sampler: DraftSampler,
        _ draws: inout DrawSequence
    ) {
        var first = 0
        var (target, isAdjusted): ([Float], Bool) = ([], false)
        next = chain[0]
        for (depth, step) in draft.enumerated() {
            guard accepted.count == depth else { break }
            isAdjusted = false
            target = sampler.probabilities(next.logits)
            if sibling != nil {
                // Nothing is drafted behind an alternative, and upstream tests its filling.
                _ = draws.uniform()
                Self.rule(out: step.distribution, of: &target)
                isAdjusted = true
                break
            }
            let width = step.width(isDrawn: true)
            for place in 0..<width where !step.candidates[..<place].contains(step.candidates[place]) {
                let token = Int(step.candidates[place])
                let draw = Float(draws.uniform())
                guard step.conditional[place] > 0 else { continue }
                if draw <= target[token] / step.conditional[place] {
                    accepted.append(Int32(token))
                    if place > 0 { sibling = first + place - 1 }
                    break
                }
                var rest = step.distribution
                if place > 0 {
                    for earlier in step.candidates[..<place] { rest[Int(earlier)] = 0 }
                    let sum = rest.reduce(0, +)
                    for index in rest.indices { rest[index] /= sum }
                }
                Self.rule(out: rest, of: &target)
                isAdjusted = true
            }
            if accepted.count > depth { next = sibling.map { siblings[$0] } ?? chain[depth + 1] }
            first += width - 1
        }
        // As upstream: where nothing was ruled out, temperature and limits are left out too.
        if !isAdjusted || accepted.count == draft.count { target = DraftSampler.softmax(next.logits) }
        next = next.choosing(draws.one(of: target))
    }

    /// Takes a distribution from another, and makes one of what is left.
    private static func rule(out rest: [Float], of target: inout [Float]) {
        var best = 0
        for (index, probability) in target.enumerated() where probability > target[best] { best = index }
        for index in target.indices {
            target[index] -= rest[index]
            if target[index] < 0 { target[index] = 0 }
        }
        if !target.contains(where: { $0 != 0 }) { target[best] = 1 }
        let sum = target.reduce(0, +) + 1e-6
        for index in target.indices { target[index] /= sum }
    }
}

/// Probabilities that tokens are drawn from, as transformers' processors make them: temperature, then the most probable tokens.
struct DraftSampler: Sendable {
    let temperature: Double
    let topP: Double

    static func softmax(_ logits: [Float]) -> [Float] {
        var probabilities = [Float](repeating: 0, count: logits.count)
        guard !logits.isEmpty else { return probabilities }
        logits.withUnsafeBufferPointer { from in
            probabilities.withUnsafeMutableBufferPointer { Kernels.softmax(from, into: $0) }
        }
        return probabilities
    }

    /// Of a row of logits (V).
    func probabilities(_ logits: [Float]) -> [Float] {
        var row = temperature == 1 ? logits : logits.map { $0 / Float(temperature) }
        if topP >= 1e-8, topP < 1 {
            let order = row.indices.sorted { (row[$0], $0) < (row[$1], $1) }
            let ascending = Self.softmax(order.map { row[$0] })
            var passed: Float = 0
            for (place, index) in order.enumerated().dropLast() {
                passed += ascending[place]
                guard passed <= Float(1 - topP) else { break }
                row[index] = -.infinity
            }
        }
        var probabilities = Self.softmax(row)
        // The kernel's exponential has a smallest result.
        for index in row.indices where row[index] == -.infinity { probabilities[index] = 0 }
        return probabilities
    }
}

/// Random numbers that a decoder takes one after another.
struct DrawSequence: Sendable {
    private var stream: RandomStream
    private let recorded: SplitMix64?
    private var count = 0

    /// - Parameter sampling: names the numbers, or has those of a recorded run.
    init(_ sampling: Sampling, purpose: String) {
        stream = RandomStream(
            seed: sampling.seed, purpose: "\(purpose)/\(sampling.attempt)", sample: sampling.sample)
        if case .splitMix(let seed) = sampling.script { recorded = SplitMix64(seed) } else { recorded = nil }
    }

    private mutating func number() -> UInt64 {
        defer { count += 1 }
        return recorded?.number(count) ?? stream.nextUInt64()
    }

    /// A number in [0, 1).
    mutating func uniform() -> Double { Double(number() >> 11) * 0x1p-53 }

    /// A whole number below `bound`.
    mutating func below(_ bound: Int) -> Int { Int(number() % UInt64(max(1, bound))) }

    /// A token, drawn from probabilities (V).
    mutating func one(of probabilities: [Float]) -> Int32 { several(1, of: probabilities)[0] }

    /// Tokens drawn one after another, none twice as long as others have any probability.
    mutating func several(_ count: Int, of probabilities: [Float]) -> [Int32] {
        var left = probabilities.map(Double.init)
        return (0..<count).map { _ in
            let target = uniform() * left.reduce(0, +)
            var passed = 0.0
            let found = left.firstIndex { probability in
                passed += probability
                return passed > target
            }
            let token = found ?? 0
            left[token] = 0
            return Int32(token)
        }
    }
}

extension Prediction {
    /// The same row with another token chosen.
    func choosing(_ token: Int32) -> Prediction {
        guard token != self.token else { return self }
        var other = self
        other.token = token
        if logits.indices.contains(Int(token)) {
            other.probability = Double(DraftSampler.softmax(logits)[Int(token)])
            other.doubt = 1 - other.probability
        }
        return other
    }
}
