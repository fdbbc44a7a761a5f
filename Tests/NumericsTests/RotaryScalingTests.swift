import Testing

@testable import Numerics

/// Scaled rotary frequencies against those of transformers 4.57.1 (`ROPE_INIT_FUNCTIONS`, torch 2.13.0), bit by bit.
@Suite struct RotaryScalingTests {
    /// Llama 3.2's, of heads of width 64, and the frequencies 26 to 36 of Llama 3.1's, of heads of width 128: what the base
    /// 500,000 gives, and what the scaling makes of it.
    static let llama: [(scaling: RotaryScaling, plain: [UInt32], scaled: [UInt32])] = [
        (
            .llama3(factor: 32, low: 1, high: 4, originalPositions: 8192),
            [
                0x3f80_0000, 0x3f29_e1c6, 0x3ee1_77bc, 0x3e95_9ee3, 0x3ccc_6f49, 0x3c87_a9c3, 0x3b9e_9402,
                0x3b52_7720, 0x3b0b_aa41, 0x3ab9_5d21, 0x3a76_03ea, 0x3a23_418d, 0x39d8_ac81, 0x364a_41b0,
            ],
            [
                0x3f80_0000, 0x3f29_e1c6, 0x3ee1_77bc, 0x3e95_9ee3, 0x3ccc_6f49, 0x3c87_a9c3, 0x3b9e_9402,
                0x3b52_7720, 0x3aa9_279b, 0x39e1_3620, 0x38cb_98f7, 0x37a3_418d, 0x3758_ac81, 0x33ca_41b0,
            ]
        ),
        (
            .llama3(factor: 8, low: 1, high: 4, originalPositions: 8192),
            [
                0x3b9e_9402, 0x3b81_2e35, 0x3b52_7720, 0x3b2b_72dc, 0x3b0b_aa41, 0x3ae3_8c10, 0x3ab9_5d21,
                0x3a97_0023, 0x3a76_03ea, 0x3a48_6886, 0x3a23_418d,
            ],
            [
                0x3b9e_9402, 0x3b81_2e35, 0x3b52_7720, 0x3b0d_fd06, 0x3ab3_d11d, 0x3a60_979e, 0x3a09_95d2,
                0x39a3_f108, 0x393b_2dd2, 0x38c8_6886, 0x38a3_418d,
            ]
        ),
        (
            .linear(factor: 2.5), [0x3f80_0000, 0x3e22_4b06, 0x3ccd_c613, 0x3b82_73a4, 0x3a25_66d4],
            [0x3ecc_cccd, 0x3d81_d59e, 0x3c24_9e76, 0x3ad0_b906, 0x3984_5243]
        ),
    ]

    @Test("frequencies are transformers'", arguments: llama.indices)
    func frequencies(_ index: Int) {
        let (scaling, plain, scaled) = Self.llama[index]
        let found = plain.map { scaling.scaled(Float(bitPattern: $0)).bitPattern }
        #expect(found == scaled)
        #expect(plain.map { RotaryScaling.unscaled.scaled(Float(bitPattern: $0)).bitPattern } == plain)
    }

    @Test("a table turns by the scaled frequencies")
    func table() {
        let scaling = RotaryScaling.llama3(factor: 8, low: 1, high: 4, originalPositions: 32)
        let plain = RotaryTable(positions: 40, headWidth: 12, theta: 500_000)
        let table = RotaryTable(positions: 40, headWidth: 12, theta: 500_000, scaling: scaling)
        // Wavelengths 6.3, 56, 499, …: the first turns 5 times in 32 positions, the others less than once.
        for p in 0..<40 {
            #expect(table.cosine[p, 0] == plain.cosine[p, 0])
            for i in 1..<6 where p % 8 == 0 {
                #expect(abs(table.sine[p, i] - plain.sine[p / 8, i]) < 1e-6)
            }
        }
    }

    @Test("numbers that make no scaling are refused")
    func problems() {
        #expect(RotaryScaling.unscaled.problem == nil)
        #expect(RotaryScaling.linear(factor: 4).problem == nil)
        #expect(RotaryScaling.llama3(factor: 8, low: 1, high: 4, originalPositions: 8192).problem == nil)
        for (scaling, part) in [
            (RotaryScaling.linear(factor: 0.5), "the factor 0.5"), (.linear(factor: .nan), "the factor nan"),
            (.linear(factor: .infinity), "the factor inf"),
            (.llama3(factor: 0, low: 1, high: 4, originalPositions: 8192), "the factor 0.0"),
            (.llama3(factor: 8, low: 4, high: 4, originalPositions: 8192), "between 4.0 and 4.0 turns"),
            (.llama3(factor: 8, low: 0, high: 4, originalPositions: 8192), "between 0.0 and 4.0 turns"),
            (.llama3(factor: 8, low: 1, high: .infinity, originalPositions: 8192), "between 1.0 and inf"),
            (.llama3(factor: 8, low: 1, high: 4, originalPositions: 0), "0 positions"),
        ] { #expect(scaling.problem?.contains(part) == true, "\(scaling)") }
    }
}
