import Files
import SystemPackage
import TestSupport
import Testing
import Transformers

@testable import Decoding

/// Log-probabilities of tokens against log_softmax (torch 2.13.0, 64 bits) of the logits that transformers computed for
/// recorded models: `causal0` of `Tests/Fixtures/transformers`.
@Suite struct TokenLikelihoodTests {
    struct Recorded: Sendable {
        let model: String
        let tokens: [Int32]
        /// One per token but the first.
        let scores: [Double]
        /// The three most probable tokens at positions 1 and 12.
        let first: [(Int32, Double)]
        let last: [(Int32, Double)]
    }

    static let recorded = [
        Recorded(
            model: "qwen2_a", tokens: [70, 92, 71, 46, 83, 22, 47, 59, 8, 26, 38, 71, 43],
            scores: [
                -2.252249, -3.47458, -7.729808, -6.136847, -6.129015, -8.23718, -12.630069, -8.56959,
                -14.031622, -13.508054, -9.163327, -5.289572,
            ], first: [(61, -1.368934), (78, -1.621526), (92, -2.252249)],
            last: [(75, -1.13679), (68, -1.528528), (61, -2.507488)]),
        Recorded(
            model: "qwen3_b", tokens: [35, 55, 26, 56, 19, 34, 4, 26, 49, 28, 22, 36, 20],
            scores: [
                -4.337278, -6.419792, -3.692406, -7.679977, -5.134774, -6.203671, -5.513976, -3.280906,
                -8.29537, -6.544138, -5.473585, -5.915846,
            ], first: [(56, -2.051127), (3, -2.293321), (25, -2.299174)],
            last: [(39, -0.443365), (57, -3.448843), (36, -3.690678)]),
    ]

    /// What is told of a prompt and of as many tokens after it.
    private func likelihoods(
        _ model: Transformer, _ prompt: [Int32], length: Int = 1, alternatives: Int = 3,
        scoresPrompt: Bool = true
    ) throws -> (told: [TokenLikelihood], decoder: any Decoder) {
        var task = DecodingTask(prompt: prompt, maskToken: 0, endToken: nil)
        task.scoresPrompt = scoresPrompt
        var decoders: [any Decoder] = [
            AutoregressiveDecoder(task, AutoregressiveOptions(generationLength: length))
        ]
        var told: [TokenLikelihood] = []
        try BatchDecoder(model, alternatives: alternatives).decode(&decoders) { _, record, _ in
            told += record.likelihoods
        }
        return (told, decoders[0])
    }

    @Test(arguments: recorded)
    func theyAreThoseOfTheSoftmax(_ case: Recorded) throws {
        let model = try Checkpoint.load(Fixtures.path("transformers/\(`case`.model)"))
        let (told, decoder) = try likelihoods(model, `case`.tokens)
        #expect(told.map(\.position) == Array(1...13))
        #expect(told.map(\.token) == Array(decoder.tokens[1...]))
        for (found, expected) in zip(told, `case`.scores) {
            #expect(abs(found.logProbability - expected) < 1e-4, "position \(found.position)")
        }
        for (found, expected) in [(told[0], `case`.first), (told[11], `case`.last)] {
            #expect(found.alternatives.map(\.token) == expected.map(\.0))
            for (alternative, expected) in zip(found.alternatives, expected) {
                #expect(abs(alternative.logProbability - expected.1) < 1e-4)
            }
        }
        // A greedily generated token is its position's most probable one, with the same number.
        #expect(told[12].token == told[12].alternatives.first?.token)
        #expect(told[12].logProbability == told[12].alternatives.first?.logProbability)
    }

    @Test func aPromptInPiecesGivesTheSameTokensAndCountsOneEvaluation() throws {
        let model = try Checkpoint.load(Fixtures.path("transformers/qwen2_a"))
        let prompt = (0..<200).map { Int32(($0 * $0 + 5 * $0) % 90) }
        let scored = try likelihoods(model, prompt, length: 6)
        let plain = try likelihoods(model, prompt, length: 6, scoresPrompt: false)
        #expect(scored.decoder.tokens == plain.decoder.tokens && plain.decoder.tokens.count == 206)
        #expect(scored.decoder.evaluations == 6 && scored.decoder.forwards == 6 + 200 / 64)
        #expect(scored.told.map(\.position) == Array(1..<206))
        #expect(plain.told.map(\.position) == Array(200..<206))
        for (a, b) in zip(scored.told.suffix(6), plain.told) {
            #expect(abs(a.logProbability - b.logProbability) < 1e-4)
        }
        // A prompt of one token has nothing before it to be scored by.
        #expect(try likelihoods(model, [7]).told.map(\.position) == [1])
    }

    @Test func nothingIsToldUnlessItIsAskedFor() throws {
        let model = try Checkpoint.load(Fixtures.path("transformers/qwen2_a"))
        var decoders: [any Decoder] = [
            AutoregressiveDecoder(
                DecodingTask(prompt: [1, 2], maskToken: 0, endToken: nil),
                AutoregressiveOptions(generationLength: 2))
        ]
        var told = 0
        try BatchDecoder(model).decode(&decoders) { _, record, _ in told += record.likelihoods.count }
        #expect(told == 0 && decoders[0].forwards == 2)
        let none = try likelihoods(model, [1, 2], length: 2, alternatives: 0, scoresPrompt: false)
        #expect(none.told.count == 2 && none.told.allSatisfy(\.alternatives.isEmpty))
    }

    @Test func equalsAreToldByTheirIdsAndWhatIsRuledOutHasNoFiniteNumber() {
        func read(_ row: [Float], _ token: Int32, _ count: Int) -> TokenLikelihood {
            row.withUnsafeBufferPointer {
                TokenLikelihood(of: token, at: 3, $0, alternatives: count)
            }
        }
        let tied = read([0, 2, 2, 1, 2], 3, 4)
        #expect(tied.alternatives.map(\.token) == [1, 2, 4, 3] && tied.position == 3)
        #expect(tied.alternatives[3].logProbability == tied.logProbability)
        // ln(e / (1 + 3 e² + e)), by Python's math module.
        #expect(abs(tied.logProbability + 2.253681) < 1e-5)
        let ruledOut = read([1, -.infinity, 1], 1, 9)
        #expect(ruledOut.logProbability == -.infinity && ruledOut.alternatives.map(\.token) == [0, 2, 1])
        // A model that is all but sure.
        #expect(read([40, 0], 0, 1).logProbability <= 0)
        #expect(abs(read([40, 0], 1, 1).logProbability + 40) < 1e-6)
        #expect(read([.nan, 1, 2], 1, 2).alternatives.map(\.token) == [2, 1])
    }
}
