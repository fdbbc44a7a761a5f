import Documents
import JSON
import Numerics
import Testing

@testable import Decoding

/// Orders in which positions are decoded at random.
@Suite struct RandomOrderTests {
    private func task(_ sample: Int) -> DecodingTask {
        var task = ScriptedModel.task()
        task.sampling = Sampling(seed: 8, sample: UInt64(sample))
        return task
    }

    private func positions(
        _ method: String, _ values: [String: JSONValue], sample: Int, model: ScriptedModel
    ) throws -> [[Int]] {
        var decoder = try DecodingMethod.named(method).factory(values)(task(sample))
        var steps: [[Int]] = []
        while let request = decoder.nextRequest() {
            steps.append(decoder.accept(request.candidates.map { model.prediction(at: $0) }).positions)
        }
        return steps
    }

    // MARK: - LLaDA's random remasking

    @Test func randomRemaskingKeepsThePlanAndEveryPositionIsAsLikelyToBeFirst() throws {
        let values: [String: JSONValue] = [
            "generationLength": .integer(8), "blockLength": .integer(4), "steps": .integer(4),
            "remasking": .string("random"),
        ]
        // Confidence plays no part: position 4 is by far the surest.
        let model = ScriptedModel(probabilities: [4: 0.999])
        var counts = [0, 0, 0, 0]
        var orders: Set<[[Int]]> = []
        for sample in 0..<2000 {
            let steps = try positions("vanilla", values, sample: sample, model: model)
            #expect(steps.map(\.count) == [2, 2, 2, 2])
            #expect(Set(steps[0] + steps[1]) == [4, 5, 6, 7])
            for position in steps[0] { counts[position - 4] += 1 }
            orders.insert(steps)
        }
        #expect(orders.count == 36)
        #expect(ChiSquare.agrees(counts, [0.25, 0.25, 0.25, 0.25]))
    }

    @Test func randomRemaskingIsRepeatable() throws {
        let values: [String: JSONValue] = [
            "generationLength": .integer(32), "remasking": .string("random"),
        ]
        for method in ["vanilla", "fast-dllm-dual-cache"] {
            var all = values
            all["rule"] = .string("scheduled")
            let model = ScriptedModel()
            let once = try positions(method, all, sample: 3, model: model)
            #expect(try positions(method, all, sample: 3, model: model) == once)
            #expect(try positions(method, all, sample: 4, model: model) != once)
            #expect(once != once.map { $0.sorted() }.sorted { ($0.first ?? 99) < ($1.first ?? 99) })
        }
    }

    @Test func randomRemaskingNeedsAPlan() {
        #expect {
            _ = try DecodingMethod.named("fast-dllm").factory(["remasking": .string("random")])
        } throws: {
            "\($0)".contains(
                #""remasking" has no effect with the rule "confidence"; it is for the rule "scheduled"."#)
        }
        #expect(!DecodingMethod.fastDLLMDreamDualCache.options.contains { $0.key == "remasking" })
    }

    // MARK: - Dream's `origin` and `alg_temp`

    @Test func eachMaskIsDecodedWithThePlansShareAndAllInTheLastForward() throws {
        let values: [String: JSONValue] = [
            "generationLength": .integer(40), "steps": .integer(4), "rule": .string("random"),
        ]
        // Times 1, 0.75025, 0.5005, 0.25075: shares 0.24975, 0.33289, 0.499 of what is left.
        var decoded = [0, 0, 0]
        var masked = [0, 0, 0]
        for sample in 0..<300 {
            let steps = try positions("dream", values, sample: sample, model: ScriptedModel())
            #expect(steps.count == 4 && steps.reduce(0) { $0 + $1.count } == 40)
            var left = 40
            for index in 0..<3 {
                decoded[index] += steps[index].count
                masked[index] += left
                left -= steps[index].count
            }
        }
        for (index, share) in [0.24975, 0.33289, 0.499].enumerated() {
            let counts = [decoded[index], masked[index] - decoded[index]]
            #expect(ChiSquare.agrees(counts, [share, 1 - share]), "forward \(index)")
        }
    }

    /// Four masks in two forwards of two tokens each.
    private let twoOfFour: [String: JSONValue] = [
        "generationLength": .integer(4), "steps": .integer(2), "lastTime": .number(0),
        "rule": .string("probability"),
    ]

    @Test func positionsAreDrawnByTheSoftmaxOfTheirConfidence() throws {
        var values = twoOfFour
        values["orderTemperature"] = .number(0.4)
        let probabilities = [0.9, 0.5, 0.3, 0.6]
        let weights = probabilities.map { Elementary.exp($0 / 0.4) }
        let sum = weights.reduce(0, +)
        // Share of each pair: without replacement, in either order.
        var pairs: [[Int]] = []
        var shares: [Double] = []
        for a in 0..<4 {
            for b in (a + 1)..<4 {
                pairs.append([a + 4, b + 4])
                shares.append(
                    weights[a] * weights[b] / sum * (1 / (sum - weights[a]) + 1 / (sum - weights[b])))
            }
        }
        let model = ScriptedModel(
            probabilities: Dictionary(uniqueKeysWithValues: zip(4..<8, probabilities)))
        var counts = [Int](repeating: 0, count: pairs.count)
        for sample in 0..<6000 {
            let steps = try positions("dream", values, sample: sample, model: model)
            counts[try #require(pairs.firstIndex(of: steps[0]))] += 1
        }
        #expect(ChiSquare.agrees(counts, shares))
        #expect(!ChiSquare.agrees(counts, shares.reversed()))
    }

    @Test func withoutAnOrderTemperatureTheOrderIsThatOfConfidence() throws {
        let model = ScriptedModel(probabilities: [4: 0.3, 5: 0.9, 6: 0.5, 7: 0.6])
        #expect(try positions("dream", twoOfFour, sample: 0, model: model) == [[5, 7], [4, 6]])
    }
}
