import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Decoding

/// Temperature, top-p and top-k against rows that torch computed.
@Suite struct LimitedRowTests {
    private struct Row {
        let logits: [Float]
        let choice: TokenChoice
        let probabilities: [Double]
        let margin: Double
        let entropy: Double

        init(_ node: JSONNode) throws {
            logits = try #require(node["logits"]?.array).map { Float(try #require($0.double)) }
            choice = TokenChoice(
                .tempered, temperature: try #require(node["temperature"]?.double),
                topP: node["topP"]?.double, topK: node["topK"]?.int)
            probabilities = try #require(node["probabilities"]?.array).map { try #require($0.double) }
            margin = try #require(node["margin"]?.double)
            entropy = try #require(node["entropy"]?.double)
        }
    }

    private func rows() throws -> [Row] {
        let path = Fixtures.path("decoding/sampled_rows.json")
        let document = try JSONDocument(parsing: FileSystem.read(path), name: path.string)
        return try #require(document.root.array).map { try Row($0) }
    }

    @Test func probabilitiesMarginsAndEntropiesAreTorchs() throws {
        let rows = try rows()
        #expect(rows.count == 70)
        for row in rows {
            let found = row.logits.withUnsafeBufferPointer {
                RowScorer.prediction(at: 0, $0, choice: row.choice)
            }
            let best = row.probabilities.indices.max { row.probabilities[$0] < row.probabilities[$1] }
            #expect(Int(found.token) == best && found.best == found.token)
            #expect(abs(found.probability - row.probabilities[Int(found.token)]) < 2e-6)
            #expect(abs(1 - found.marginDoubt - row.margin) < 2e-6)
            #expect(abs(found.entropy - row.entropy) < 1e-5)
        }
    }

    @Test func tokensAreDrawnFromWhatIsLeft() throws {
        for (index, row) in try rows().enumerated()
        where row.choice.temperature > 0.5 && row.logits.count == 7 {
            var counts = [Int](repeating: 0, count: 7)
            for position in 0..<3000 {
                let drawn = row.logits.withUnsafeBufferPointer {
                    RowScorer.prediction(
                        at: position, $0, choice: row.choice,
                        draws: SamplingStep(Sampling(seed: 5, sample: UInt64(index)), step: 0))
                }
                counts[Int(drawn.token)] += 1
                #expect(abs(drawn.probability - row.probabilities[Int(drawn.token)]) < 2e-6)
            }
            // Shares below one in 3000 can't be told from none.
            let shares = row.probabilities
            if shares.allSatisfy({ $0 == 0 || $0 > 2e-3 }), shares.contains(where: { $0 > 0 && $0 < 1 }) {
                #expect(ChiSquare.agrees(counts, shares), "row \(index)")
            }
            #expect(zip(counts, shares).allSatisfy { $0 == 0 || $1 > 0 })
        }
    }

    @Test(arguments: [TokenChoice.Form.gumbel, .softmax, .tempered])
    func aRowWithoutNumbersEndsNothing(_ form: TokenChoice.Form) {
        let row = [Float](repeating: .nan, count: 5)
        for (topP, topK) in [(0.5, nil), (nil, 2), (0.9, 3)] as [(Double?, Int?)] {
            let found = row.withUnsafeBufferPointer {
                RowScorer.prediction(
                    at: 0, $0, choice: TokenChoice(form, temperature: 1, topP: topP, topK: topK),
                    draws: SamplingStep(Sampling(seed: 1, sample: 1), step: 0))
            }
            #expect((0..<5).contains(found.token))
        }
    }

    @Test func manyTokensAreLimitedAsFewAre() {
        // 5000 equal tokens and one as probable as all of them: the limit passes through the equal ones, lowest ids
        // first.
        var logits = [Float](repeating: 0, count: 5001)
        logits[4000] = 8.517193  // ln 5000
        let found = logits.withUnsafeBufferPointer {
            LimitedRow($0, TokenChoice(.tempered, topP: 0.75))
        }
        let half = logits.withUnsafeBufferPointer { LimitedRow($0, TokenChoice(.tempered, topP: 0.25)) }
        #expect(half?.logits.count == 1 && half?.token(at: 0) == 4000)
        #expect(found.map { abs($0.logits.count - 2501) <= 2 } == true)
        #expect(found?.token(at: 0) == 0 && found?.token(at: 2400) == 2400)
    }
}
