import Glibc
import Reporting
import Testing

struct FixedPointTests {
    /// What the C library prints.
    private func printed(_ value: Double, _ digits: Int) -> String {
        var buffer = [CChar](repeating: 0, count: 512)
        let count = withVaList([Int32(digits), value]) { vsnprintf(&buffer, buffer.count, "%.*f", $0) }
        return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    @Test func roundsAsPrintfDoes() {
        var random = SplitMix(state: 1)
        var values: [Double] = [
            0.5, 1.5, 2.5, 0.125, 0.375, 2.675, 1.005, 0.045, 99.95, 99.995, 9.5, 0.05, 0.95, 1e15,
            123456789.5, 1e22,
            1e23, 1.7976931348623157e308, .leastNonzeroMagnitude, 2.2250738585072014e-308, 4503599627370496.5,
            9007199254740994,
        ]
        for _ in 0..<300 {
            values.append(Double.random(in: 0...100, using: &random))
            values.append(Double(Int.random(in: 0...100_000, using: &random)) / 64)
            let pattern = UInt64.random(in: 0...UInt64.max, using: &random) & ~(1 << 63)
            if Double(bitPattern: pattern).isFinite { values.append(Double(bitPattern: pattern)) }
        }
        for value in values {
            for digits in [0, 1, 2, 3, 7, 20] {
                #expect(
                    FixedPoint.text(value, digits: digits) == printed(value, digits), "\(value) \(digits)")
            }
        }
    }

    @Test func signsZerosAndWhatIsNotFinite() {
        #expect(FixedPoint.text(-1.25, digits: 1) == "-1.2")
        #expect(FixedPoint.text(-0.04, digits: 1) == "0.0")
        #expect(FixedPoint.text(-0.0, digits: 2) == "0.00")
        #expect(FixedPoint.text(.nan, digits: 2) == "nan")
        #expect(FixedPoint.text(-.infinity, digits: 2) == "-inf")
    }

    @Test func thousandsAreGrouped() {
        #expect(FixedPoint.text(1_234_567.891, digits: 2, grouped: true) == "1,234,567.89")
        #expect(FixedPoint.text(-123_456, digits: 0, grouped: true) == "-123,456")
        #expect(FixedPoint.text(999, digits: 0, grouped: true) == "999")
        #expect(FixedPoint.text(999.9, digits: 0, grouped: true) == "1,000")
    }
}

/// Random numbers that are the same in every run.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
