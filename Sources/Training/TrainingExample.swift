internal import Numerics

/// What a row of a batch is made of: a prompt, and a response that is learnt, padded with end tokens to the generation
/// length; or a piece of packed text.
package struct TrainingExample: Sendable {
    package var prompt: [Int32]
    /// The response and the padding behind it.
    package var response: [Int32]
    /// Response tokens up to and including the first end token.
    package var responseLength: Int
    /// Which tokens of the response are learnt, by position; nil where all are.
    ///
    /// The others are never masked, and the loss isn't taken at them.
    package private(set) var learnt: [Bool]?

    /// Pads `response` with `endToken` to `generationLength`; `nil` when it doesn't fit with one end token.
    package init?(prompt: [Int32], response: [Int32], endToken: Int32, generationLength: Int) {
        guard response.count < generationLength else { return nil }
        self.prompt = prompt
        responseLength = response.count + 1
        self.response = response + Array(repeating: endToken, count: generationLength - response.count)
    }

    /// A piece of packed text: every token of it may be masked where it is learnt.
    ///
    /// - Parameter learnt: Which tokens are, one flag for each; nil for all.
    package init(text: [Int32], learnt: [Bool]? = nil) {
        precondition(learnt.map { $0.count == text.count } ?? true, "one flag for each token")
        prompt = []
        response = text
        responseLength = text.count
        self.learnt = learnt
    }

    /// Whether the token at an index of the response is learnt.
    package func isLearnt(_ index: Int) -> Bool { learnt?[index] ?? true }

    /// How many tokens of the response are learnt.
    package var learntCount: Int { learnt?.count { $0 } ?? response.count }

    /// Prompt, then response.
    package var tokens: [Int32] { prompt + response }
}

/// Endless reshuffled passes over a data set: which example is the i-th of training is a function of the seed.
package struct ShuffledOrder {
    private let count: Int
    private let seed: UInt64
    private let purpose: String
    private var epoch = -1
    private var order: [Int] = []

    package init(count: Int, seed: UInt64, purpose: String) {
        precondition(count > 0, "an empty data set has no order")
        self.count = count
        self.seed = seed
        self.purpose = purpose
    }

    /// Index of the i-th example, counted over all epochs.
    package mutating func index(_ i: Int) -> Int {
        if i / count != epoch {
            epoch = i / count
            var stream = RandomStream(seed: seed, purpose: purpose + "/order", sample: UInt64(epoch))
            order = Array(0..<count)
            order.shuffle(using: &stream)
        }
        return order[i % count]
    }
}
