internal import Numerics

/// Student's distribution with `freedom` degrees of freedom, central and shifted: what intervals over few repeats and
/// the power of a comparison are read from.
///
/// Computed from the regularised incomplete beta function (continued fraction after Lentz) and by integrating over
/// the standard deviation; agrees with SciPy's `stats.t` and `stats.nct` to nine digits in the range that the tests
/// cover.
package struct StudentDistribution: Sendable, Hashable {
    /// Degrees of freedom, at least 1.
    package let freedom: Int

    package init(freedom: Int) {
        precondition(freedom >= 1, "Student's distribution needs a degree of freedom")
        self.freedom = freedom
    }

    private var nu: Double { Double(freedom) }

    /// The probability of a value above `t` ≥ 0.
    package func upperTail(_ t: Double) -> Double {
        0.5 * SpecialFunctions.incompleteBeta(nu / (nu + t * t), nu / 2, 0.5)
    }

    /// The t ≥ 0 for which values between −t and t have the probability `confidence`.
    ///
    /// - Parameter confidence: In 0..<1, such as 0.95.
    package func quantile(confidence: Double) -> Double {
        precondition(confidence >= 0 && confidence < 1, "a confidence lies in 0..<1")
        let tail = (1 - confidence) / 2
        var (low, high) = (0.0, 1.0)
        while upperTail(high) > tail, high < 1e300 { (low, high) = (high, 2 * high) }
        // The tail falls with t; halving ends where the two can't be told apart.
        while true {
            let middle = low + (high - low) / 2
            guard middle > low, middle < high else { return high }
            if upperTail(middle) > tail { low = middle } else { high = middle }
        }
    }

    /// The probability that a shifted value lies outside −`bound`...`bound`: the power of a two-sided test.
    ///
    /// - Parameters:
    ///   - bound: The quantile that the test compares with.
    ///   - shift: The true effect in standard errors (the non-centrality).
    package func power(bound: Double, shift: Double) -> Double {
        // With S the standard deviation over its expectation, T = (Z + shift) / S; Simpson's rule over S.
        let half = nu / 2
        let scale = Elementary.log(2) + half * Elementary.log(half) - SpecialFunctions.logGamma(half)
        func density(_ s: Double) -> Double {
            s > 0
                ? Elementary.exp(scale + (nu - 1) * Elementary.log(s) - half * s * s)
                : freedom == 1 ? Elementary.exp(scale) : 0
        }
        // Beyond this S the density is below e⁻⁴⁰ of its greatest value.
        let end = 1 + (80 / nu).squareRoot()
        let steps = 800
        let width = end / Double(steps)
        var sum = 0.0
        for i in 0...steps {
            let s = Double(i) * width
            let outside =
                SpecialFunctions.normal(shift - bound * s) + SpecialFunctions.normal(-shift - bound * s)
            sum += (i == 0 || i == steps ? 1 : i % 2 == 1 ? 4 : 2) * density(s) * outside
        }
        return min(1, sum * width / 3)
    }
}

/// Functions that distributions are made of.
enum SpecialFunctions {
    /// ln Γ(x) for x > 0 (Lanczos' approximation, g = 7, nine terms).
    static func logGamma(_ x: Double) -> Double {
        let terms = [
            0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
            -176.61502916214059,
            12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
        ]
        guard x >= 0.5 else { return logGamma(x + 1) - Elementary.log(x) }
        let shifted = x - 1
        let sum = terms.dropFirst().enumerated().reduce(terms[0]) {
            $0 + $1.element / (shifted + Double($1.offset + 1))
        }
        let base = shifted + 7.5
        return 0.5 * Elementary.log(2 * Double.pi) + (shifted + 0.5) * Elementary.log(base) - base
            + Elementary.log(sum)
    }

    /// The regularised incomplete beta function I_x(a, b).
    static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        // The fraction converges fast below the mean; above it the mirrored one does.
        if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(1 - x, b, a) }
        let front = Elementary.exp(
            logGamma(a + b) - logGamma(a) - logGamma(b) + a * Elementary.log(x) + b * Elementary.log(1 - x))
        let tiny = 1e-300
        func away(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / away(1 - (a + b) * x / (a + 1))
        var fraction = d
        for m in 1...2000 {
            let m = Double(m)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / away(1 + even * d)
            c = away(1 + even / c)
            fraction *= d * c
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / away(1 + odd * d)
            c = away(1 + odd / c)
            fraction *= d * c
            if abs(d * c - 1) < 1e-15 { break }
        }
        return front * fraction / a
    }

    /// The standard normal distribution function Φ(z).
    static func normal(_ z: Double) -> Double {
        let x = z * z / 2
        guard x < 700 else { return z < 0 ? 0 : 1 }
        if x < 1.5 {
            // Φ(z) = ½ + φ(z)·(z + z³/3 + z⁵/15 + …)
            var (term, sum, k) = (z, z, 1.0)
            while abs(term) > 1e-18 * abs(sum), k < 400 {
                k += 2
                term *= z * z / k
                sum += term
            }
            return 0.5 + sum * Elementary.exp(-x) / (2 * Double.pi).squareRoot()
        }
        // The tail by Laplace's continued fraction, from its far end.
        let far = abs(z)
        var fraction = far
        for k in stride(from: 200, to: 0, by: -1) { fraction = far + Double(k) / fraction }
        let tail = Elementary.exp(-x) / (2 * Double.pi).squareRoot() / fraction
        return z < 0 ? tail : 1 - tail
    }
}
