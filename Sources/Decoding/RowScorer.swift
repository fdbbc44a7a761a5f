internal import Numerics

/// Turns a row of logits (V) into a ``Prediction``.
enum RowScorer {
    /// Above this probability single precision no longer orders predictions reliably, so ``Prediction/doubt``
    /// and the entropy are summed in double precision, which upstream does for every row.
    static let exactAbove: Float = 0.9999

    /// The prediction that `choice` makes of a row of logits.
    ///
    /// - Parameter draws: random numbers; nil takes the most probable token whatever the temperature.
    static func prediction(
        at position: Int, _ logits: UnsafeBufferPointer<Float>, choice: TokenChoice = TokenChoice(),
        draws: SamplingStep? = nil
    ) -> Prediction {
        if let repetition = choice.repetition {
            var choice = choice
            choice.repetition = nil
            return repetition.applied(to: logits).withUnsafeBufferPointer {
                prediction(at: position, $0, choice: choice, draws: draws)
            }
        }
        if let forbidden = choice.forbidden {
            var (choice, row) = (choice, Array(logits))
            choice.forbidden = nil
            if row.indices.contains(Int(forbidden)) { row[Int(forbidden)] = -.infinity }
            return row.withUnsafeBufferPointer { prediction(at: position, $0, choice: choice, draws: draws) }
        }
        if choice.form == .open { return openPrediction(at: position, logits, choice, draws) }
        if choice.form == .squared || choice.form == .limited {
            return squaredPrediction(at: position, logits, choice, draws)
        }
        guard let limited = LimitedRow(logits, choice) else {
            return score(at: position, logits, choice, draws)
        }
        var found = limited.logits.withUnsafeBufferPointer { score(at: position, $0, choice, draws) }
        found.token = limited.token(at: found.token)
        found.best = limited.token(at: found.best)
        return found
    }

    /// The drawn token of ``TokenChoice/Form/open``, with its probability among all tokens.
    private static func openPrediction(
        at position: Int, _ logits: UnsafeBufferPointer<Float>, _ choice: TokenChoice, _ draws: SamplingStep?
    ) -> Prediction {
        var limited = choice
        limited.form = .tempered
        var whole = limited
        (whole.topP, whole.topK) = (nil, nil)
        var found = prediction(at: position, logits, choice: whole)
        let drawn = prediction(at: position, logits, choice: limited, draws: draws)
        guard drawn.token != found.token else { return found }
        let gap = Double(logits[Int(drawn.token)]) - Double(logits[Int(found.token)])
        found.token = drawn.token
        found.probability *= Elementary.exp(choice.temperature > 0 ? gap / choice.temperature : gap)
        found.doubt = 1 - found.probability
        return found
    }

    /// The drawn token of ``TokenChoice/Form/squared`` or ``TokenChoice/Form/limited``: what the limits leave out gets no noise, and every token keeps its own.
    private static func squaredPrediction(
        at position: Int, _ logits: UnsafeBufferPointer<Float>, _ choice: TokenChoice, _ draws: SamplingStep?
    ) -> Prediction {
        var found = prediction(at: position, logits)
        guard let draws, choice.temperature > 0 else { return found }
        var scaled = choice
        scaled.form = .tempered
        guard let limited = LimitedRow(logits, scaled) else { return found }
        var row = [Float](repeating: -.infinity, count: logits.count)
        for (place, logit) in limited.logits.enumerated() {
            row[Int(limited.token(at: Int32(place)))] = logit
        }
        let token = row.withUnsafeBufferPointer { draws.token(for: position, $0, choice) }
        guard token != found.token else { return found }
        let gap = Double(logits[Int(token)]) - Double(logits[Int(found.token)])
        found.token = token
        found.probability *= Elementary.exp(gap)
        found.doubt = 1 - found.probability
        return found
    }

    private static func score(
        at position: Int, _ logits: UnsafeBufferPointer<Float>, _ choice: TokenChoice, _ draws: SamplingStep?
    ) -> Prediction {
        let score = Kernels.score(logits)
        var prediction = Prediction(
            position: position, token: score.token, probability: Double(score.probability),
            secondProbability: Double(score.secondProbability), entropy: Double(score.entropy))
        if score.probability > exactAbove { refine(&prediction, logits) }
        if choice.takesLastOfEquals {
            prediction.token = Int32(logits.lastIndex(of: logits[Int(score.token)]) ?? Int(score.token))
            prediction.best = prediction.token
        }
        prediction.bestDoubt = prediction.doubt
        if let draws, choice.temperature > 0 {
            let token = draws.token(for: position, logits, choice)
            if token != score.token {
                let gap = Double(logits[Int(token)]) - Double(logits[Int(score.token)])
                prediction.token = token
                prediction.probability *= Elementary.exp(gap)
                prediction.doubt = 1 - prediction.probability
            }
        }
        return prediction
    }

    /// Sums what the most probable token leaves over, in double precision.
    ///
    /// With t the sum of exp(x − top) over the other tokens, p = 1 / (1 + t) and
    /// H = ln(1 + t) + Σ exp(x − top) · (top − x) / (1 + t).
    private static func refine(_ prediction: inout Prediction, _ logits: UnsafeBufferPointer<Float>) {
        let best = Int(prediction.token)
        let top = Double(logits[best])
        var tail = 0.0
        var weighted = 0.0
        for index in 0..<logits.count where index != best {
            let z = Double(logits[index]) - top
            guard z > -700 else { continue }
            let e = Elementary.exp(z)
            tail += e
            weighted -= e * z
        }
        prediction.doubt = tail / (1 + tail)
        prediction.probability = 1 - prediction.doubt
        // ln(1 + t) by its series: t is at most 1e-4 here, and Elementary has no log1p.
        let logarithm = tail * (1 - tail * (1.0 / 2 - tail * (1.0 / 3 - tail / 4)))
        prediction.entropy = logarithm + weighted / (1 + tail)
    }
}

/// What a ``TokenChoice`` leaves of a row of logits: scaled by the temperature and limited to the most probable tokens.
struct LimitedRow {
    /// Tokens that are left, ascending; nil for all.
    private var tokens: [Int]?
    /// Their logits.
    private(set) var logits: [Float]

    /// Nil where the choice leaves the row as it is.
    ///
    /// In the order of Dream's sampler: temperature, then probability, then number, unless the choice says otherwise.
    init?(_ row: UnsafeBufferPointer<Float>, _ choice: TokenChoice) {
        let scales = choice.form == .tempered && choice.temperature > 0
        let topP = choice.topP.flatMap { $0 < 1 ? $0 : nil }
        let topK = choice.topK.flatMap { $0 < row.count ? $0 : nil }
        guard scales || topP != nil || topK != nil else { return nil }
        logits = scales ? row.map { $0 / Float(choice.temperature) } : Array(row)
        if choice.limitsNumberFirst { keep(topK) }
        if let topP { keep(mostProbable(topP)) }
        if !choice.limitsNumberFirst { keep(topK) }
    }

    /// Keeps the largest `topK` logits and their equals.
    private mutating func keep(_ topK: Int?) {
        guard let topK else { return }
        let least = logits.withUnsafeBufferPointer { Self.leastOfLargest(max(1, topK), $0) }
        keep(logits.indices.filter { logits[$0] >= least })
    }

    /// The token at a place among those that are left.
    func token(at place: Int32) -> Int32 { tokens.map { Int32($0[Int(place)]) } ?? place }

    /// Keeps the given places, which ascend; all where none is given, as a row without numbers has it.
    private mutating func keep(_ places: [Int]) {
        if places.isEmpty { return }
        tokens = tokens.map { old in places.map { old[$0] } } ?? places
        logits = places.map { logits[$0] }
    }

    /// Places of the most probable tokens up to and including the one whose cumulated probability passes `topP`.
    private func mostProbable(_ topP: Double) -> [Int] {
        let top = logits.max() ?? 0
        func weight(_ place: Int) -> Double { Elementary.exp(Double(logits[place]) - Double(top)) }
        let sum = logits.indices.reduce(0) { $0 + weight($1) }
        // Only what can be among them is sorted: a vocabulary has 150,000 tokens, of which a few matter.
        var near: [Int] = []
        for distance: Float in [4, 12, .infinity] {
            near = logits.indices.filter { top - logits[$0] <= distance }
            if near.reduce(0, { $0 + weight($1) }) > topP * sum { break }
        }
        near.sort { (logits[$1], $0) < (logits[$0], $1) }
        var passed = 0.0
        var count = 0
        for place in near {
            if count > 0, passed > topP * sum { break }
            passed += weight(place)
            count += 1
        }
        return near.prefix(count).sorted()
    }

    /// The smallest of the `count` largest logits.
    private static func leastOfLargest(_ count: Int, _ logits: UnsafeBufferPointer<Float>) -> Float {
        guard count < logits.count else { return -.infinity }
        var largest = logits.prefix(count).sorted()
        for logit in logits.dropFirst(count) where logit > largest[0] {
            let place = largest.firstIndex { $0 >= logit } ?? largest.count
            largest.insert(logit, at: place)
            largest.removeFirst()
        }
        return largest[0]
    }
}

/// How probable a model finds the token that stands at a position, and which tokens it finds most probable there.
///
/// Log-probabilities are natural logarithms of softmax(logits), whatever the temperature and the limits that tokens are
/// drawn with; summed in 32-bit floats as ``Prediction/probability`` is. Tokens with equal logits have equal ones.
public struct TokenLikelihood: Sendable, Hashable {
    /// A token that could stand there.
    package struct Alternative: Sendable, Hashable {
        package let token: Int32
        package let logProbability: Double
    }

    /// Absolute position in the sequence.
    package let position: Int
    package let token: Int32
    /// In nats; −∞ where the model rules the token out.
    package let logProbability: Double
    /// The most probable tokens, the lower id first among equals.
    package let alternatives: [Alternative]

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
    static func largest(_ count: Int, _ row: UnsafeBufferPointer<Float>) -> [Int] {
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
