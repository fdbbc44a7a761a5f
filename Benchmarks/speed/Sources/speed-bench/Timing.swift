import JSON

enum Timing {
    /// Seconds that each of the repetitions took, after one that isn't counted.
    static func seconds(_ repetitions: Int, _ body: () throws -> Void) rethrows -> [Double] {
        try body()
        return try (0..<repetitions).map { _ in try once(body) }
    }

    static func once(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        let (seconds, attoseconds) = start.duration(to: .now).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}

extension JSONValue {
    init(_ seconds: [Double]) { self = .array(seconds.map(JSONValue.number)) }
}

/// A cheap source of numbers that look random.
struct Generator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }

    /// Uniform in -0.5..<0.5.
    mutating func float() -> Float { Float(next() >> 40) / Float(1 << 24) - 0.5 }
}
