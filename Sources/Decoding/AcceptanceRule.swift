/// Which of a forward's predictions become tokens, in decoders that work on one block at a time.
///
/// Every rule accepts at least one prediction when there is one, so a block always ends.
package enum AcceptanceRule: Sendable, Hashable {
    /// The most confident ones, as many as the schedule says (LLaDA's low-confidence remasking).
    case scheduled
    /// The most confident one, and all whose probability is at least the threshold (Fast-dLLM).
    case confidence(Double)
    /// The one with the lowest entropy, and all whose entropy is at most the threshold (d3LLM, dParallel).
    case entropy(Double)
    /// The one with the lowest entropy, and all whose entropy is less than the threshold (d3LLM for Dream); at 0
    /// one token per forward.
    case entropyBelow(Double)
    /// The longest run of most confident ones that Fast-dLLM's factor rule lets through (dInfer's port).
    ///
    /// The j-th, from 1, needs a probability of 1 − factor / (j + 1), the first none; the run ends before the first that
    /// has less. `last` says what becomes of the very last when it alone has less. `faithful`: it is accepted too,
    /// because upstream's loop index can't tell "the last failed" from "none failed" (dInfer's
    /// `get_transfer_index_dynamic`); a block ends a forward earlier with a token that the rule meant to leave.
    /// `corrected`: it isn't.
    case factor(Double, last: Quirks.Behaviour = .faithful)

    /// The accepted ones of `candidates`.
    ///
    /// - Parameter scheduled: how many the schedule allows; only ``scheduled`` looks at it.
    func select(_ candidates: [Prediction], scheduled: Int) -> [Prediction] {
        switch self {
        case .scheduled:
            return Array(Self.byConfidence(candidates).prefix(max(1, scheduled)))
        case .confidence(let threshold):
            let sorted = Self.byConfidence(candidates)
            return sorted.prefix(1) + sorted.dropFirst().filter { !($0.probability < threshold) }
        case .entropy(let threshold):
            return EntropyRule(threshold: threshold).select(candidates)
        case .entropyBelow(let threshold):
            return EntropyRule(threshold: threshold, includesThreshold: false).select(candidates)
        case .factor(let factor, let last):
            let sorted = Self.byConfidence(candidates)
            let count = Self.factorCount(sorted.map(\.probability), factor: factor, last: last)
            return Array(sorted.prefix(count))
        }
    }

    /// Most confident first; among equals the leftmost.
    static func byConfidence(_ candidates: [Prediction]) -> [Prediction] {
        candidates.sorted { ($0.doubt, $0.position) < ($1.doubt, $1.position) }
    }

    /// How many of the descending `confidences` the rule ``factor(_:last:)`` accepts.
    static func factorCount(
        _ confidences: [Double], factor: Double, last behaviour: Quirks.Behaviour = .faithful
    ) -> Int {
        guard confidences.count > 1 else { return confidences.count }
        let last = confidences.count - 1
        let firstFailure = (1..<confidences.count).first { confidences[$0] < 1 - factor / Double($0 + 2) }
        guard let firstFailure else { return confidences.count }
        return firstFailure == last && behaviour == .faithful ? confidences.count : firstFailure
    }
}

/// The entropy rule of d3LLM's decoders, with what differs between its LLaDA and Dream versions as options.
struct EntropyRule: Sendable, Hashable {
    /// Entropy in nats up to which predictions are accepted.
    var threshold: Double
    /// Whether an entropy equal to the threshold is accepted (LLaDA) or not (Dream).
    var includesThreshold = true
    /// Whether the lowest entropy of all candidates is accepted whatever it is (LLaDA).
    var acceptsBest = true

    /// The accepted ones of `candidates`, lowest entropy first, those without a number last.
    func select(_ candidates: [Prediction]) -> [Prediction] {
        let sorted = candidates.sorted { Self.precedes($0, $1) }
        let always = acceptsBest ? 1 : 0
        return sorted.prefix(always) + sorted.dropFirst(always).filter { accepts($0.entropy) }
    }

    /// Whether an entropy passes.
    ///
    /// What isn't a number (a position that wasn't forwarded) passes LLaDA's rule, which rejects what is greater
    /// than the threshold, and fails Dream's, which accepts what is less.
    func accepts(_ entropy: Double) -> Bool {
        includesThreshold ? !(entropy > threshold) : entropy < threshold
    }

    static func precedes(_ a: Prediction, _ b: Prediction) -> Bool {
        if a.entropy.isNaN || b.entropy.isNaN {
            return a.entropy.isNaN == b.entropy.isNaN ? a.position < b.position : b.entropy.isNaN
        }
        return (a.entropy, a.position) < (b.entropy, b.position)
    }
}

/// How many tokens each forward of a block decodes: an even split, the remainder going to the first forwards.
struct TransferSchedule: Sendable, Hashable {
    private let base: Int
    private let remainder: Int

    /// Spreads `masks` tokens over `steps` forwards.
    init(masks: Int, steps: Int) {
        base = masks / max(1, steps)
        remainder = masks % max(1, steps)
    }

    /// Tokens of the forward with this index, from 0.
    func count(at index: Int) -> Int { base + (index < remainder ? 1 : 0) }
}
