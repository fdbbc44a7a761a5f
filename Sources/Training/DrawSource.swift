public import Numerics

/// Where the random draws of a noise process come from; scripted in parity checks.
public protocol DrawSource {
    /// A whole number from `low` to `high`, both included (Python's `random.randint`).
    mutating func integer(_ low: Int, _ high: Int) -> Int
    /// Numbers in [0, 1), as `torch.rand(count)`.
    mutating func uniform(_ count: Int) -> [Double]
}

extension RandomStream: DrawSource {
    public mutating func integer(_ low: Int, _ high: Int) -> Int { nextInt(in: low..<high + 1) }
    public mutating func uniform(_ count: Int) -> [Double] { (0..<count).map { _ in nextDouble() } }
}
