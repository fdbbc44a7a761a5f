import JSON
import Testing

@testable import Decoding

@Suite struct DreamDecoderTests {
    private func decoder(
        _ rule: DreamOptions.Rule, steps: Int?, generationLength: Int = 4, threshold: Double = 0.9
    ) -> DreamDecoder {
        var options = DreamOptions()
        options.generationLength = generationLength
        options.steps = steps
        options.rule = rule
        options.threshold = threshold
        return DreamDecoder(ScriptedModel.task(), options)
    }

    @Test func everyForwardSeesTheWholeSequenceAndMayDecodeAnywhere() {
        var decoder = decoder(.entropy, steps: nil)
        let turns = ScriptedModel(entropies: [4: 0.4, 5: 0.1, 6: 0.3, 7: 0.2]).run(&decoder)
        #expect(turns.allSatisfy { $0.request.inputs == 0..<8 && $0.request.cache == .ignore })
        #expect(turns.map(\.step.positions) == [[], [5], [7], [4, 6]])
        #expect(decoder.evaluations == 4 && decoder.forwards == 4)
    }

    @Test func aForwardThatDecodesNothingIsMadeAndCounted() {
        var decoder = decoder(.probability, steps: 9)
        let turns = ScriptedModel().run(&decoder)
        #expect(turns.count == 9 && turns.contains { $0.step.unmasked.isEmpty })
        #expect(decoder.evaluations == 9 && !decoder.state.hasMask(in: 0..<8))
    }

    @Test func theRuleOrdersByProbabilityMarginOrEntropy() {
        let answers = [
            Prediction(position: 4, token: 7, probability: 0.9, secondProbability: 0.1, entropy: 0.5),
            Prediction(position: 5, token: 7, probability: 0.85, secondProbability: 0.01, entropy: 0.6),
            Prediction(position: 6, token: 7, probability: 0.5, secondProbability: 0.3, entropy: 0.1),
        ]
        func order(_ rule: DreamOptions.Rule) -> [Int] {
            answers.sorted(by: rule.precedes).map(\.position)
        }
        #expect(order(.probability) == [4, 5, 6] && order(.threshold) == [4, 5, 6])
        #expect(order(.margin) == [5, 4, 6])
        #expect(order(.entropy) == [6, 4, 5])
    }

    @Test func whatMissesTheThresholdIsDueAgainInTheNextForward() {
        // Two per forward are planned. 4 is accepted as the best, 5 isn't; then three are due.
        let model = ScriptedModel(probabilities: [4: 0.8, 5: 0.7, 6: 0.6, 7: 0.5]) { forward, position in
            forward == 0
                ? nil : Prediction(position: position, token: 7, probability: 0.95, entropy: 0)
        }
        var decoder = decoder(.threshold, steps: 2)
        #expect(model.run(&decoder).map(\.step.positions) == [[4], [5, 6, 7]])
        #expect(decoder.evaluations == 2)
    }

    @Test func whatTheLastForwardLeavesOverAddsForwards() {
        var decoder = decoder(.threshold, steps: 2)
        let steps = ScriptedModel(probabilities: [4: 0.8, 5: 0.7, 6: 0.6, 7: 0.5]).run(&decoder).map(\.step)
        #expect(steps.map(\.positions) == [[4], [5], [6], [7]])
        #expect(decoder.evaluations == 4)
    }

    @Test func aProbabilityAtTheThresholdIsAccepted() {
        var decoder = decoder(.threshold, steps: 1, threshold: 0.5)
        #expect(ScriptedModel().run(&decoder).map(\.step.positions) == [[4, 5, 6, 7]])
    }

    @Test func aThresholdNeedsStepsThatDivideTheLength() {
        #expect {
            _ = try DecodingMethod.dream.factory(
                ["generationLength": .integer(10), "steps": .integer(4), "rule": .string("threshold")])
        } throws: {
            "\($0)".contains("\"steps\" is 4 and should divide \"generationLength\", 10")
        }
    }

    @Test(arguments: ["dream", "entropy", "fast-dllm-dream-prefix-cache", "fast-dllm-dream-dual-cache"])
    func theNumberOfTokensThatCountIsAnOption(_ method: String) throws {
        let decoders = try [[:], ["topK": .integer(50)]].map {
            try DecodingMethod.named(method).factory($0)(ScriptedModel.task())
        }
        var (all, few) = (decoders[0], decoders[1])
        #expect(all.nextRequest()?.choice.topK == nil && few.nextRequest()?.choice.topK == 50)
    }
}
