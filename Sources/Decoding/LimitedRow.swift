internal import Numerics

/// What a ``TokenChoice`` leaves of a row of logits: scaled by the temperature and limited to the most probable tokens.
struct LimitedRow {
    /// Tokens that are left, ascending; nil for all.
    private var tokens: [Int]?
    /// Their logits.
    private(set) var logits: [Float]

    /// Nil where the choice leaves the row as it is.
    ///
    /// In the order of Dream's sampler: temperature, then probability, then number.
    init?(_ row: UnsafeBufferPointer<Float>, _ choice: TokenChoice) {
        let scales = choice.form == .tempered && choice.temperature > 0
        let topP = choice.topP.flatMap { $0 < 1 ? $0 : nil }
        let topK = choice.topK.flatMap { $0 < row.count ? $0 : nil }
        guard scales || topP != nil || topK != nil else { return nil }
        logits = scales ? row.map { $0 / Float(choice.temperature) } : Array(row)
        if let topP { keep(mostProbable(topP)) }
        if let topK {
            let least = logits.withUnsafeBufferPointer { Self.leastOfLargest(max(1, topK), $0) }
            keep(logits.indices.filter { logits[$0] >= least })
        }
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
