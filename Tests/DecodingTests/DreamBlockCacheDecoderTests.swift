import Testing

@testable import Decoding

@Suite struct DreamBlockCacheDecoderTests {
    private func decoder(
        _ reuse: BlockCacheDecoder.Reuse, rule: AcceptanceRule = .confidence(0.9), generationLength: Int = 6,
        steps: Int? = nil
    ) -> DreamBlockCacheDecoder {
        DreamBlockCacheDecoder(
            ScriptedModel.task(),
            BlockwiseOptions(
                generationLength: generationLength, blockLength: 3, steps: steps, rule: rule),
            reuse: reuse)
    }

    @Test func theForwardThatFillsTheCacheDecodesTheFirstTokenOfTheBlockAlone() {
        var decoder = decoder(.prefix)
        let turns = ScriptedModel(defaultProbability: 0.99).run(&decoder)
        #expect(turns.map(\.request.kind) == [.prefill, .cached, .prefill, .cached])
        #expect(turns.map(\.request.cache) == [.rebuild(4), .read, .rebuild(7), .read])
        #expect(turns.map(\.request.inputs) == [0..<10, 4..<10, 0..<10, 7..<10])
        #expect(turns.map(\.request.candidates) == [[4], [5, 6], [7], [8, 9]])
        #expect(turns.map(\.step.positions) == [[4], [5, 6], [7], [8, 9]])
    }

    @Test func dualCacheForwardsTheBlockAlone() {
        var decoder = decoder(.dual)
        let requests = ScriptedModel(defaultProbability: 0.99).run(&decoder).map(\.request)
        #expect(requests.map(\.kind) == [.prefill, .dual, .prefill, .dual])
        #expect(requests.map(\.cache) == [.rebuild(10), .overwrite(at: 4), .rebuild(10), .overwrite(at: 7)])
        #expect(requests.map(\.inputs) == [0..<10, 4..<7, 0..<10, 7..<10])
    }

    @Test func theBestIsAcceptedBelowTheThresholdToo() {
        var confident = decoder(.dual, generationLength: 3)
        let model = ScriptedModel(entropies: [5: 0.5, 6: 0.4], probabilities: [5: 0.6, 6: 0.4])
        #expect(model.run(&confident).map(\.step.positions) == [[4], [5], [6]])
        var certain = decoder(.dual, rule: .entropyBelow(0.4), generationLength: 3)
        #expect(model.run(&certain).map(\.step.positions) == [[4], [6], [5]])
    }

    @Test func aPlanCountsTheForwardThatFillsTheCache() {
        // Three steps a block: the first token, then 2 · (1 − s / t) = 0.99… of two, cut to none, then both.
        var decoder = decoder(.dual, rule: .scheduled, steps: 6)
        let turns = ScriptedModel().run(&decoder)
        #expect(turns.map(\.step.positions) == [[4], [], [5, 6], [7], [], [8, 9]])
    }

    @Test func aSingleStepLeavesMasksAfterOneUselessForward() {
        var decoder = decoder(.prefix, rule: .scheduled, steps: 2)
        let turns = ScriptedModel().run(&decoder)
        #expect(turns.map(\.step.positions) == [[4], [], [7], []])
        #expect(decoder.state.maskCount(in: 0..<10) == 4)
    }
}
