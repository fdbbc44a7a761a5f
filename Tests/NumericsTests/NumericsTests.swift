import Testing

@testable import Numerics

/// Deterministic numbers in [-scale, scale].
func numbers(_ count: Int, seed: UInt64 = 1, scale: Float = 1) -> [Float] {
    var stream = RandomStream(seed: seed, purpose: "test")
    return (0..<count).map { _ in (Float(stream.nextDouble()) * 2 - 1) * scale }
}
