import Testing

@testable import Numerics

@Suite struct RandomStreamTests {
    @Test("Philox4x32-10 gives the published known answers")
    func knownAnswers() {
        // From the Random123 distribution's kat_vectors.
        let zero = RandomStream.philox((0, 0, 0, 0), key: (0, 0))
        #expect(zero == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        let ones: UInt32 = 0xffff_ffff
        let full = RandomStream.philox((ones, ones, ones, ones), key: (ones, ones))
        #expect(full == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        let pi = RandomStream.philox(
            (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: (0xa409_3822, 0x299f_31d0))
        #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    @Test("streams of other seeds, purposes and samples differ; the same key repeats")
    func keys() {
        func first(_ seed: UInt64, _ purpose: String, _ sample: UInt64) -> [UInt64] {
            var stream = RandomStream(seed: seed, purpose: purpose, sample: sample)
            return (0..<5).map { _ in stream.nextUInt64() }
        }
        #expect(first(1, "a", 0) == first(1, "a", 0))
        #expect(first(1, "a", 0) != first(2, "a", 0))
        #expect(first(1, "a", 0) != first(1, "b", 0))
        #expect(first(1, "a", 0) != first(1, "a", 1))
    }

    @Test("whole numbers are uniform and stay inside their range")
    func integers() {
        var stream = RandomStream(seed: 3, purpose: "integers")
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[stream.nextInt(in: 10..<17) - 10] += 1 }
        for count in counts { #expect(abs(count - 10_000) < 500) }
    }

    @Test("normal numbers have mean 0 and variance 1")
    func normals() {
        var stream = RandomStream(seed: 4, purpose: "normals")
        let x = (0..<50_000).map { _ in stream.nextNormal() }
        let mean = x.reduce(0, +) / Double(x.count)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
        #expect(abs(mean) < 0.02)
        #expect(abs(variance - 1) < 0.03)
    }
}
