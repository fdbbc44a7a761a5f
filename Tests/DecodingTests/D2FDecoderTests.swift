import Testing
import Transformers

@testable import Decoding

@Suite struct D2FDecoderTests {
    private let end = ScriptedModel.end

    private func options(
        generationLength: Int = 4, blockLength: Int = 2, add: Double = 0.5, activate: Double = 1,
        skip: Double = 0.9, strategy: D2FOptions.Strategy = .default, earlyStop: Bool = false,
        quirks: Quirks = .faithful
    ) -> D2FOptions {
        var options = D2FOptions()
        options.generationLength = generationLength
        options.blockLength = blockLength
        options.blockAddThreshold = add
        options.decodedTokenThreshold = activate
        options.skipThreshold = skip
        options.strategy = strategy
        options.earlyStop = earlyStop
        options.quirks = quirks
        return options
    }

    @Test func sequenceGrowsByBlocksAndFinishedBlocksJoinTheCache() {
        var decoder = D2FDecoder(ScriptedModel.task(), options(add: 1))
        let requests = ScriptedModel().run(&decoder).map(\.request)
        #expect(requests.map(\.kind) == [.prefill, .cached, .cacheUpdate, .cached])
        #expect(requests.map(\.inputs) == [0..<6, 4..<6, 4..<8, 6..<8])
        #expect(requests.map(\.cache) == [.rebuild(4), .read, .append(2), .read])
        #expect(requests.allSatisfy { $0.attention == .blockCausal(promptLength: 4, blockLength: 2) })
        #expect(decoder.tokens == [5, 5, 5, 5, 7, 7, 7, 7])
    }

    @Test func aBlockIsAppendedOnceTheLastIsDecodedFarEnough() {
        var decoder = D2FDecoder(ScriptedModel.task(), options(add: 0.5))
        let requests = ScriptedModel().run(&decoder).map(\.request)
        #expect(requests[0].inputs == 0..<6)
        #expect(requests[1].inputs == 4..<8)  // half of block 1 is decoded
        #expect(requests[1].candidates == [5, 6, 7])
    }

    @Test func anActivatedBlockAcceptsOnlyConfidentTokens() {
        var decoder = D2FDecoder(ScriptedModel.task(), options(generationLength: 6, blockLength: 3, add: 0))
        let model = ScriptedModel(probabilities: [7: 0.95])
        let steps = model.run(&decoder).map(\.step)
        #expect(steps[0].positions == [4])
        #expect(steps[1].positions == [5, 7])
        #expect(steps[1].blocks == [.fullyActivated, .activated])
    }

    @Test func onlyProbabilitiesAboveTheThresholdPass() {
        let model = ScriptedModel(probabilities: [4: 0.9, 5: 0.91])
        var decoder = D2FDecoder(ScriptedModel.task(), options(generationLength: 2))
        #expect(model.run(&decoder)[0].step.positions == [5])
    }

    @Test(arguments: [
        (D2FOptions.Strategy.default, 4), (.negEntropy, 5), (.marginConfidence, 6),
    ])
    func strategyChoosesTheOneToken(_ strategy: D2FOptions.Strategy, _ position: Int) {
        var model = ScriptedModel()
        model.override = { _, position in
            let (p, second, entropy) = [4: (0.6, 0.39, 1.0), 5: (0.5, 0.3, 0.5), 6: (0.55, 0.1, 0.9)][
                position]!
            return Prediction(
                position: position, token: 7, probability: p, secondProbability: second, entropy: entropy)
        }
        var decoder = D2FDecoder(
            ScriptedModel.task(), options(generationLength: 3, blockLength: 3, strategy: strategy))
        #expect(model.run(&decoder, limit: 1)[0].step.positions == [position])
    }

    @Test func anEndTokenStopsAppendingBlocksButNothingElse() {
        var decoder = D2FDecoder(ScriptedModel.task(), options(generationLength: 8, add: 1))
        let model = ScriptedModel(tokens: [4: end])
        #expect(model.run(&decoder).count == 2)
        #expect(Array(decoder.state.response) == [end, 7])
    }

    @Test func earlyStopFillsWhatFollowsTheEnd() {
        var decoder = D2FDecoder(
            ScriptedModel.task(), options(generationLength: 4, blockLength: 4, earlyStop: true))
        let model = ScriptedModel(tokens: [5: end], probabilities: [5: 0.99])
        #expect(model.run(&decoder).map(\.step.positions) == [[5], [4]])
        #expect(Array(decoder.state.response) == [7, end, end, end])
    }

    @Test func theLastTurnMakesNoForwardAndCountsFaithfullyOnly() {
        var faithful = D2FDecoder(ScriptedModel.task(), options())
        ScriptedModel().run(&faithful)
        #expect(faithful.evaluations == faithful.forwards + 1)
        var corrected = D2FDecoder(ScriptedModel.task(), options(quirks: .corrected))
        ScriptedModel().run(&corrected)
        #expect(corrected.evaluations == corrected.forwards)
        #expect(corrected.tokens == faithful.tokens)
    }

    @Test func aShorterLastBlockIsLeftOut() {
        var decoder = D2FDecoder(ScriptedModel.task(), options(generationLength: 5))
        ScriptedModel().run(&decoder)
        #expect(decoder.state.response.count == 4 && decoder.maximumLength == 8)
    }

    @Test func aBlockFinishedBeforeItsPredecessorWaits() {
        var decoder = D2FDecoder(ScriptedModel.task(), options(add: 0, activate: 0.5))
        let model = ScriptedModel(probabilities: [6: 0.99, 7: 0.99])
        let turns = model.run(&decoder)
        // Block 2 is done after turn 1, block 1 only then too; both join the cache in one forward or never.
        #expect(turns[1].step.positions == [5, 6, 7])
        #expect(turns.count == 2)
        #expect(turns[1].step.blocks == [.fullyActivated, .fullyActivated])
    }
}
