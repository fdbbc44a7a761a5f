internal import Numerics

/// How fast this machine multiplies, against what its arithmetic units could do at most.
package struct SpeedTest: Sendable {
    /// Products are M × K by K × N.
    package struct Shape: Sendable, Hashable, CustomStringConvertible {
        package let m: Int
        package let n: Int
        package let k: Int

        package var description: String { "\(m)x\(n)x\(k)" }
    }

    /// A shape and its speed.
    package struct Product: Sendable {
        package let shape: Shape
        /// On all threads.
        package let gigaflops: Double
    }

    package let threads: Int
    /// The multiply-add limit of one thread, in GFLOP/s.
    package let limitOfOne: Double
    /// The multiply-add limit of all threads, in GFLOP/s.
    package let limitOfAll: Double
    package let products: [Product]

    /// A large product, a product with a weight of a 8B model at a small batch, and two of the mini models' size.
    static let shapes = [
        Shape(m: 2048, n: 2048, k: 2048), Shape(m: 64, n: 4096, k: 4096), Shape(m: 2048, n: 256, k: 1024),
        Shape(m: 64, n: 256, k: 1024),
    ]

    /// Measures; takes about seconds times six, and longer where one large product takes longer.
    static func run(threads: Int, seconds: Double) -> SpeedTest {
        let one = PeakProbe.fusedMultiplyAdd(threads: 1, seconds: seconds)
        let all = threads == 1 ? one : PeakProbe.fusedMultiplyAdd(threads: threads, seconds: seconds)
        return SpeedTest(
            threads: threads, limitOfOne: one, limitOfAll: all,
            products: shapes.map {
                Product(
                    shape: $0,
                    gigaflops: PeakProbe.product(
                        m: $0.m, n: $0.n, k: $0.k, threads: threads, seconds: seconds))
            })
    }

    /// The share of the limit that a product reaches, from 0 to about 1.
    func share(of product: Product) -> Double {
        limitOfAll > 0 ? product.gigaflops / limitOfAll : 0
    }
}
