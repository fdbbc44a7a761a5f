/// Random numbers by counter: the n-th number of a stream is a function of its key and n alone.
///
/// A stream is named by (seed, purpose, sample), so the order in which samples are processed, sharding, a
/// resume or the number of threads can't change what is drawn. The generator is Philox4x32-10 (Salmon et al.,
/// "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
public struct RandomStream: Sendable, RandomNumberGenerator {
    private let key: (UInt32, UInt32)
    private let sample: UInt64
    private var block: UInt64 = 0
    private var buffer: (UInt64, UInt64) = (0, 0)
    private var buffered = 0

    /// - Parameters:
    ///   - seed: the experiment's or stage's seed.
    ///   - purpose: what is drawn, for instance `"trajectories/gumbel"`; streams of different purposes are
    ///     independent.
    ///   - sample: index of the sample, step or row.
    public init(seed: UInt64, purpose: String, sample: UInt64 = 0) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a over the purpose, then mixed with the seed
        for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let mixed = Self.mix(Self.mix(hash) &+ seed &* 0x9e37_79b9_7f4a_7c15)
        key = (UInt32(truncatingIfNeeded: mixed), UInt32(truncatingIfNeeded: mixed >> 32))
        self.sample = sample
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 { nextUInt64() }

    /// The next 64 random bits.
    public mutating func nextUInt64() -> UInt64 {
        if buffered == 0 {
            let x = Self.philox(
                (
                    UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32),
                    UInt32(truncatingIfNeeded: sample), UInt32(truncatingIfNeeded: sample >> 32)
                ), key: key)
            buffer = (UInt64(x.0) | UInt64(x.1) << 32, UInt64(x.2) | UInt64(x.3) << 32)
            block &+= 1
            buffered = 2
        }
        buffered -= 1
        return buffered == 1 ? buffer.0 : buffer.1
    }

    /// A number in [0, 1) with 53 random bits.
    public mutating func nextDouble() -> Double { Double(nextUInt64() >> 11) * 0x1p-53 }

    /// A whole number in `range`, each equally likely.
    public mutating func nextInt(in range: Range<Int>) -> Int {
        precondition(!range.isEmpty, "an empty range has no random element")
        return range.lowerBound + Int(Self.scaled(&self, UInt64(range.count)))
    }

    /// A normally distributed number with mean 0 and variance 1 (Box–Muller).
    public mutating func nextNormal() -> Double {
        let radius = (-2 * logarithm(1 - nextDouble())).squareRoot()
        return radius * cosine(2 * Double.pi * nextDouble())
    }

    /// Lemire's unbiased scaling of 64 random bits to `0..<bound`.
    private static func scaled(_ stream: inout RandomStream, _ bound: UInt64) -> UInt64 {
        var product = stream.nextUInt64().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = stream.nextUInt64().multipliedFullWidth(by: bound) }
        }
        return product.high
    }

    private static func mix(_ x: UInt64) -> UInt64 {
        var z = x
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// The Philox4x32-10 block function.
    static func philox(
        _ counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
    ) -> (UInt32, UInt32, UInt32, UInt32) {
        var (c, k) = (counter, key)
        for _ in 0..<10 {
            let a = c.0.multipliedFullWidth(by: 0xD251_1F53)
            let b = c.2.multipliedFullWidth(by: 0xCD9E_8D57)
            c = (b.high ^ c.1 ^ k.0, b.low, a.high ^ c.3 ^ k.1, a.low)
            k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
        }
        return c
    }
}
