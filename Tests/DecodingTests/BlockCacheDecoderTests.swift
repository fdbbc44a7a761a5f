import Testing

@testable import Decoding

@Suite struct BlockCacheDecoderTests {
    private let end = ScriptedModel.end

    private func decoder(
        _ reuse: BlockCacheDecoder.Reuse, generationLength: Int = 4, blockLength: Int = 2,
        rule: AcceptanceRule = .confidence(0.9), earlyStop: Bool = false, isDInfer: Bool = false
    ) -> BlockCacheDecoder {
        BlockCacheDecoder(
            ScriptedModel.task(),
            BlockwiseOptions(
                generationLength: generationLength, blockLength: blockLength, rule: rule,
                earlyStop: earlyStop, earlyStopStyle: isDInfer ? .dInfer : .fill,
                forwardsFinishedBlocks: !isDInfer),
            reuse: reuse)
    }

    @Test func prefixCacheKeepsWhatIsBeforeTheBlock() {
        var decoder = decoder(.prefix)
        let requests = ScriptedModel().run(&decoder).map(\.request)
        #expect(requests.map(\.kind) == [.prefill, .cached, .prefill, .cached])
        #expect(requests.map(\.cache) == [.rebuild(4), .read, .rebuild(6), .read])
        #expect(requests.map(\.inputs) == [0..<8, 4..<8, 0..<8, 6..<8])
        #expect(requests.map(\.candidates) == [[4, 5], [5], [6, 7], [7]])
        #expect(requests.map(\.boundaries) == [[4], [], [6], []])
    }

    @Test func dualCacheForwardsTheBlockAlone() {
        var decoder = decoder(.dual)
        let requests = ScriptedModel().run(&decoder).map(\.request)
        #expect(requests.map(\.kind) == [.prefill, .dual, .prefill, .dual])
        #expect(requests.map(\.cache) == [.rebuild(8), .overwrite(at: 4), .rebuild(8), .overwrite(at: 6)])
        #expect(requests.map(\.inputs) == [0..<8, 4..<6, 0..<8, 6..<8])
    }

    @Test func aFinishedBlockCostsAUselessForwardInFastDLLMOnly() {
        let sure = ScriptedModel(defaultProbability: 0.99)
        var fast = decoder(.prefix)
        let turns = sure.run(&fast)
        #expect(turns.map(\.step.unmasked.count) == [2, 0, 2, 0])
        #expect(fast.evaluations == 4)
        var dInfer = decoder(.prefix, isDInfer: true)
        #expect(sure.run(&dInfer).map(\.step.unmasked.count) == [2, 2])
    }

    @Test func theScheduleGoesOnAfterTheForwardThatFillsTheCache() {
        var decoder = BlockCacheDecoder(
            ScriptedModel.task(),
            BlockwiseOptions(generationLength: 5, blockLength: 5, steps: 3), reuse: .dual)
        #expect(ScriptedModel().run(&decoder).map(\.step.unmasked.count) == [2, 2, 1])
    }

    @Test func dInferDoesNotFillAfterTheForwardThatFillsTheCache() {
        // The first forward decodes the end token; only the next one fills, and decoding ends after the block.
        let model = ScriptedModel(tokens: [4: end], probabilities: [4: 0.99])
        var decoder = decoder(.prefix, generationLength: 6, blockLength: 3, earlyStop: true, isDInfer: true)
        let turns = model.run(&decoder)
        #expect(turns.map(\.request.candidates) == [[4, 5, 6], [5, 6]])
        #expect(Array(decoder.state.response) == [end, end, end, end, end, end])
    }

    @Test func dInferLeavesMasksWhenTheCacheFillingForwardFinishesTheBlockWithAnEnd() {
        let model = ScriptedModel(tokens: [5: end], defaultProbability: 0.99)
        var decoder = decoder(.dual, earlyStop: true, isDInfer: true)
        #expect(model.run(&decoder).count == 1)
        #expect(Array(decoder.state.response) == [7, end, ScriptedModel.mask, ScriptedModel.mask])
    }

    @Test func earlyStopFillsAtOnce() {
        let model = ScriptedModel(tokens: [4: end], probabilities: [4: 0.99])
        var decoder = decoder(.prefix, earlyStop: true)
        let turns = model.run(&decoder)
        #expect(turns.map(\.step.positions) == [[4], []])
        #expect(Array(decoder.state.response) == [end, end, end, end])
    }
}
