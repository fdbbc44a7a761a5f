import Testing

@testable import Decoding

@Suite struct CachedMultiBlockDecoderTests {
    private let end = ScriptedModel.end

    private func options(
        generationLength: Int = 4, blockLength: Int = 2, delay: Int = 1, refresh: Int = 10_000,
        earlyStop: Bool = false, quirks: Quirks = .faithful
    ) -> CachedMultiBlockOptions {
        var options = CachedMultiBlockOptions()
        options.blocks.generationLength = generationLength
        options.blocks.blockLength = blockLength
        options.blocks.threshold = 0.5
        options.blocks.blockAddThreshold = 1
        options.blocks.decodedTokenThreshold = 1
        options.blocks.earlyStop = earlyStop
        options.blocks.quirks = quirks
        options.cacheDelay = delay
        options.refreshInterval = refresh
        return options
    }

    private func requests(_ options: CachedMultiBlockOptions) -> [ForwardRequest] {
        var decoder = CachedMultiBlockDecoder(ScriptedModel.task(), options)
        return ScriptedModel().run(&decoder).map(\.request)
    }

    @Test func promptIsCachedAfterTheDelayAndAFinishedBlockStabilizesFirst() {
        let requests = requests(options())
        // Turn 1 caches the prompt, turn 2 uses it. Block 1 is done after turn 2: in turn 3 it stabilizes, which
        // refreshes the cache before it; in turn 4 it joins the cache.
        #expect(requests.map(\.kind) == [.cacheUpdate, .cached, .prefill, .cacheUpdate])
        #expect(requests.map(\.inputs) == [0..<8, 4..<8, 0..<8, 4..<8])
        #expect(requests.map(\.cache) == [.append(4), .read, .rebuild(4), .append(2)])
        #expect(requests.map(\.candidates) == [[4, 5], [5], [6, 7], [7]])
        #expect(requests.map(\.boundaries) == [[4], [], [4], [6]])
    }

    @Test func withoutDelayABlockIsCachedInTheNextTurn() {
        let requests = requests(options(delay: 0))
        #expect(requests.map(\.kind) == [.cacheUpdate, .cached, .cacheUpdate, .cached])
        #expect(requests.map(\.inputs) == [0..<8, 4..<8, 4..<8, 6..<8])
    }

    @Test func withALongDelayNothingIsEverCached() {
        let requests = requests(options(delay: 100))
        #expect(requests.allSatisfy { $0.kind == .full && $0.inputs == 0..<8 && $0.cache == .ignore })
    }

    @Test func theCacheIsRefreshedPeriodically() {
        let requests = requests(options(generationLength: 8, blockLength: 8, delay: 1, refresh: 3))
        #expect(
            requests.map(\.kind)
                == [.cacheUpdate, .cached, .prefill, .cached, .cached, .prefill, .cached, .cached])
        #expect(requests[2].cache == .rebuild(4))
    }

    @Test func blockStatesShowStabilizingThenCompleted() {
        var decoder = CachedMultiBlockDecoder(ScriptedModel.task(), options())
        let steps = ScriptedModel().run(&decoder).map(\.step)
        #expect(
            steps.map(\.blocks) == [
                [.fullyActivated, .inactive], [.fullyActivated, .inactive],
                [.completedStabilizing, .fullyActivated], [.completed, .fullyActivated],
            ])
    }

    @Test func countersAgreeWithTheRequests() {
        var decoder = CachedMultiBlockDecoder(ScriptedModel.task(), options())
        let turns = ScriptedModel().run(&decoder)
        #expect(decoder.evaluations == 4 && decoder.forwards == 4)
        #expect(decoder.tokensForwarded == turns.reduce(0) { $0 + $1.request.inputs.count })
    }

    @Test func tokenOrderIsThatOfDecodingWithoutCache() {
        // With a model that looks at nothing the cache can't matter.
        let model = ScriptedModel(entropies: [4: 0.9, 5: 0.2, 6: 0.3, 7: 0.8, 8: 0.1, 9: 2])
        let cached = options(generationLength: 6, blockLength: 3)
        var a = CachedMultiBlockDecoder(ScriptedModel.task(), cached)
        var b = MultiBlockDecoder(ScriptedModel.task(), cached.blocks)
        #expect(model.run(&a).map(\.step.positions) == model.run(&b).map(\.step.positions))
    }

    @Test func idleEvaluationIsAnOption() {
        let model = ScriptedModel(tokens: [4: end], entropies: [4: 0.1])
        var faithful = CachedMultiBlockDecoder(ScriptedModel.task(), options(earlyStop: true))
        model.run(&faithful)
        #expect(faithful.evaluations == faithful.forwards + 1)
        var corrected = CachedMultiBlockDecoder(
            ScriptedModel.task(), options(earlyStop: true, quirks: .corrected))
        model.run(&corrected)
        #expect(corrected.evaluations == corrected.forwards)
    }

    @Test func faithfulSnapshotDecodesPositionsBehindTheEndAgain() {
        var model = ScriptedModel()
        model.override = { [end] forward, position in
            switch (forward, position) {
            case (0, 6): Prediction(position: 6, token: end, probability: 0.9, entropy: 0.1)
            case (0, _), (1, 4): Prediction(position: position, token: 7, probability: 0.2, entropy: 2)
            default: Prediction(position: position, token: 8, probability: 0.9, entropy: 0.2)
            }
        }
        func run(_ quirks: Quirks) -> (tokens: [Int32], steps: [StepRecord]) {
            var decoder = CachedMultiBlockDecoder(
                ScriptedModel.task(),
                options(generationLength: 6, blockLength: 6, earlyStop: true, quirks: quirks))
            let steps = model.run(&decoder).map(\.step)
            return (decoder.tokens, steps)
        }
        // In turn 1 masks 4 and 5 are left before the end; faithfully 7, 8 and 9 behind it count as masks too.
        let faithful = run(.faithful)
        #expect(faithful.steps[1].positions == [5, 7, 8, 9])
        #expect(faithful.steps[2].positions == [4])
        #expect(faithful.steps.count == 3)
        let corrected = run(.corrected)
        #expect(corrected.steps.map(\.positions) == [[6], [5], [4]])
        #expect(corrected.tokens.suffix(6) == [8, 8, end, end, end, end])
    }

    @Test func aMaskInACachedBlockBecomesTokenZeroByLLaDAsRule() {
        // The model predicts the mask token at 4, which counts as decoded: block 1 is cached with a mask in it, and
        // forwards that start behind it can't answer for that mask.
        let model = ScriptedModel(
            tokens: [4: ScriptedModel.mask], entropies: [4: 0.1, 5: 0.2, 6: 2, 7: 3])
        var decoder = CachedMultiBlockDecoder(ScriptedModel.task(), options(delay: 0))
        let turns = model.run(&decoder)
        #expect(turns.map(\.request.inputs) == [0..<8, 4..<8, 6..<8])
        #expect(turns[2].request.candidates == [7])
        #expect(turns[2].step.positions == [4, 7])
        #expect(decoder.tokens[4] == 0)
    }

    @Test(arguments: [Quirks.Behaviour.faithful, .corrected])
    func blocksThatWaitTogetherAreCachedTwiceOnlyIfFaithful(_ behaviour: Quirks.Behaviour) {
        var options = options(generationLength: 8)
        options.blocks.rules = .dream
        options.blocks.blockAddThreshold = 0
        options.blocks.decodedTokenThreshold = 0
        options.blocks.quirks.duplicateKeys = behaviour
        let sure = [4: 0.1, 5: 0.1, 6: 0.1, 7: 0.1]
        var decoder = CachedMultiBlockDecoder(ScriptedModel.task(), options)
        let requests = ScriptedModel(entropies: sure).run(&decoder).map(\.request)
        // Turn 1 decodes the blocks at 4 and at 6, in turn 2 both wait, in turn 3 both join the cache.
        #expect(requests.prefix(3).map(\.kind) == [.cacheUpdate, .prefill, .cacheUpdate])
        #expect(requests[1].cache == .rebuild(behaviour == .faithful ? 6 : 4))
        #expect(requests[2].cache == .append(4) && requests[2].inputs == 4..<12)
    }
}
