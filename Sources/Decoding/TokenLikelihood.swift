internal import Numerics

/// How probable a model finds the token that stands at a position, and which tokens it finds most probable there.
///
/// Log-probabilities are natural logarithms of softmax(logits), whatever the temperature and the limits that tokens are
/// drawn with; summed in 32-bit floats as ``Prediction/probability`` is. Tokens with equal logits have equal ones.
public struct TokenLikelihood: Sendable, Hashable {
    /// A token that could stand there.
    public struct Alternative: Sendable, Hashable {
        public let token: Int32
        public let logProbability: Double
    }

    /// Absolute position in the sequence.
    public let position: Int
    public let token: Int32
    /// In nats; −∞ where the model rules the token out.
    public let logProbability: Double
    /// The most probable tokens, the lower id first among equals.
    public let alternatives: [Alternative]

    /// Reads a row of logits (V).
    ///
    /// - Parameter alternatives: how many of the most probable tokens are told.
    init(
        of token: Int32, at position: Int, _ logits: UnsafeBufferPointer<Float>, alternatives count: Int
    ) {
        let best = RowScorer.prediction(at: position, logits)
        let top = Double(logits[Int(best.token)])
        let logBest = Elementary.log(best.probability)
        func logProbability(_ token: Int) -> Double { Double(logits[token]) - top + logBest }
        self.position = position
        self.token = token
        self.logProbability = logProbability(Int(token))
        alternatives = Self.largest(count, logits).map {
            Alternative(token: Int32($0), logProbability: logProbability($0))
        }
    }

    /// Places of the `count` largest numbers, in descending order.
    private static func largest(_ count: Int, _ row: UnsafeBufferPointer<Float>) -> [Int] {
        var places: [Int] = []
        guard count > 0 else { return places }
        places.reserveCapacity(count + 1)
        var least = -Float.infinity
        for (place, number) in row.enumerated() where places.count < count || number > least {
            // What is no number is larger than none.
            guard !number.isNaN else { continue }
            places.insert(place, at: places.firstIndex { row[$0] < number } ?? places.count)
            if places.count > count { places.removeLast() }
            least = places.last.map { row[$0] } ?? least
        }
        return places
    }
}
