import Testing

@testable import Decoding

@Suite struct BlockwiseDecoderTests {
    private let end = ScriptedModel.end

    @Test func blocksAreDecodedLeftToRightOneTokenPerForward() {
        var decoder = BlockwiseDecoder(
            ScriptedModel.task(), BlockwiseOptions(generationLength: 4, blockLength: 2))
        // Later positions are surer, but the second block has to wait.
        let model = ScriptedModel(probabilities: [4: 0.1, 5: 0.2, 6: 0.3, 7: 0.4])
        let turns = model.run(&decoder)
        #expect(turns.map(\.step.positions) == [[5], [4], [7], [6]])
        #expect(turns.map(\.request.candidates) == [[4, 5], [4], [6, 7], [6]])
        #expect(turns.allSatisfy { $0.request.kind == .full && $0.request.inputs == 0..<8 })
        #expect(decoder.evaluations == 4 && decoder.forwards == 4 && decoder.tokensForwarded == 32)
        #expect(decoder.tokens == [5, 5, 5, 5, 7, 7, 7, 7])
    }

    @Test func stepsSpreadTheTokensOfEachBlock() {
        var decoder = BlockwiseDecoder(
            ScriptedModel.task(), BlockwiseOptions(generationLength: 10, blockLength: 5, steps: 6))
        #expect(ScriptedModel().run(&decoder).map(\.step.unmasked.count) == [2, 2, 1, 2, 2, 1])
    }

    @Test func entropyThresholdAcceptsSeveral() {
        var decoder = BlockwiseDecoder(
            ScriptedModel.task(),
            BlockwiseOptions(generationLength: 4, blockLength: 4, rule: .entropy(0.5)))
        let model = ScriptedModel(entropies: [4: 0.9, 5: 0.2, 6: 0.3, 7: 0.8])
        #expect(model.run(&decoder).map(\.step.positions) == [[5, 6], [7], [4]])
    }

    @Test func withoutEarlyStopTheTextAfterTheEndIsDecodedToo() {
        var decoder = BlockwiseDecoder(
            ScriptedModel.task(), BlockwiseOptions(generationLength: 4, blockLength: 2))
        let turns = ScriptedModel(tokens: [4: end]).run(&decoder)
        #expect(turns.count == 4)
        #expect(Array(decoder.state.response) == [end, 7, 7, 7])
    }

    @Test func earlyStopFillsAfterTheEndAndFinishesWhatIsBeforeIt() {
        var decoder = BlockwiseDecoder(
            ScriptedModel.task(),
            BlockwiseOptions(generationLength: 6, blockLength: 3, earlyStop: true))
        let model = ScriptedModel(tokens: [5: end], probabilities: [5: 0.9])
        let turns = model.run(&decoder)
        #expect(turns.map(\.step.positions) == [[5], [4]])
        #expect(Array(decoder.state.response) == [7, end, end, end, end, end])
        #expect(turns[1].step.sequence.suffix(4) == [end, end, end, end])
    }

    @Test func earlyStopIgnoresAnEndTokenInThePrompt() {
        var task = ScriptedModel.task()
        task.prompt[1] = end
        var decoder = BlockwiseDecoder(
            task, BlockwiseOptions(generationLength: 4, blockLength: 2, earlyStop: true))
        #expect(ScriptedModel().run(&decoder).count == 4)
        #expect(decoder.tokens == [5, end, 5, 5, 7, 7, 7, 7])
    }

    @Test func dInfersEarlyStopTakesAnEndTokenInThePromptForOne() {
        var task = ScriptedModel.task()
        task.prompt[1] = end
        var decoder = BlockwiseDecoder(
            task,
            BlockwiseOptions(
                generationLength: 4, blockLength: 2, earlyStop: true, earlyStopStyle: .dInfer))
        #expect(ScriptedModel().run(&decoder).count == 1)
        #expect(decoder.tokens == [5, end, end, end, end, end, end, end])
    }

    @Test func withoutAnEndTokenEarlyStopDoesNothing() {
        var decoder = BlockwiseDecoder(
            ScriptedModel.task(end: nil),
            BlockwiseOptions(generationLength: 4, blockLength: 2, earlyStop: true))
        #expect(ScriptedModel(tokens: [4: end]).run(&decoder).count == 4)
    }

    @Test func blockStatesAreCompletedThenActiveThenInactive() {
        var decoder = BlockwiseDecoder(
            ScriptedModel.task(), BlockwiseOptions(generationLength: 3, blockLength: 1))
        let turns = ScriptedModel().run(&decoder)
        #expect(turns[1].step.blocks == [.completed, .fullyActivated, .inactive])
    }
}
