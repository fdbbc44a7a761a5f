import Testing

@testable import Decoding

@Suite struct MultiBlockDecoderTests {
    private let end = ScriptedModel.end

    private func options(
        generationLength: Int = 8, blockLength: Int = 4, threshold: Double = 0.5, add: Double = 0.5,
        activate: Double = 1, earlyStop: Bool = false, rules: MultiBlockRules = .llada,
        quirks: Quirks = .faithful
    ) -> MultiBlockOptions {
        var options = MultiBlockOptions()
        options.generationLength = generationLength
        options.blockLength = blockLength
        options.threshold = threshold
        options.blockAddThreshold = add
        options.decodedTokenThreshold = activate
        options.earlyStop = earlyStop
        options.rules = rules
        options.quirks = quirks
        return options
    }

    @Test func theNextBlockIsCreatedOnceTheLastIsDecodedFarEnough() {
        var decoder = MultiBlockDecoder(ScriptedModel.task(), options())
        // Nothing passes the threshold: one token per forward, the surest first.
        let model = ScriptedModel(
            entropies: [4: 1, 5: 1.1, 6: 1.2, 7: 1.3, 8: 2, 9: 2.1, 10: 2.2, 11: 2.3])
        let turns = model.run(&decoder)
        #expect(turns[0].request.candidates == [4, 5, 6, 7])
        #expect(turns[1].request.candidates == [5, 6, 7])
        #expect(turns[2].request.candidates == [6, 7, 8, 9, 10, 11])  // half of block 1 is decoded
        #expect(turns[2].step.blocks == [.fullyActivated, .activated])
        #expect(turns[4].step.blocks == [.completed, .fullyActivated])
        #expect(turns.count == 8)
    }

    @Test func anActivatedBlockDecodesOnlyWhatPassesAndTheFirstFullyActivatedAlwaysOne() {
        var decoder = MultiBlockDecoder(ScriptedModel.task(), options(add: 0))
        let model = ScriptedModel(entropies: [8: 0.1, 9: 0.2])
        let turns = model.run(&decoder)
        // Both blocks exist from the first turn; nothing of block 1 passes, so its leftmost is forced.
        #expect(turns[0].step.positions == [4, 8, 9])
        #expect(turns[0].step.blocks == [.fullyActivated, .activated])
    }

    @Test func lladaAcceptsTheGloballySurestEvenInABlockThatIsntFullyActivated() {
        let model = ScriptedModel(entropies: [10: 0.7])
        var llada = MultiBlockDecoder(ScriptedModel.task(), options(add: 0))
        #expect(model.run(&llada)[0].step.positions == [4, 10])
        var dream = MultiBlockDecoder(ScriptedModel.task(), options(add: 0, rules: .dream))
        #expect(model.run(&dream)[0].step.positions == [4])
    }

    @Test func thresholdItselfPassesForLLaDAOnly() {
        let model = ScriptedModel(entropies: [4: 0.1, 5: 0.5])
        var llada = MultiBlockDecoder(ScriptedModel.task(), options())
        #expect(model.run(&llada)[0].step.positions == [4, 5])
        var dream = MultiBlockDecoder(ScriptedModel.task(), options(rules: .dream))
        #expect(model.run(&dream)[0].step.positions == [4])
    }

    @Test func atMostOneBlockIsAddedPerTurn() {
        var decoder = MultiBlockDecoder(
            ScriptedModel.task(), options(generationLength: 16, add: 0, activate: 0))
        let turns = ScriptedModel(defaultEntropy: 2).run(&decoder)
        #expect(turns[0].request.candidates.count == 8)
        #expect(turns[1].request.candidates.count == 11)
        #expect(turns[2].request.candidates.count == 14)
    }

    @Test func nilThresholdAcceptsEverything() {
        var all = options(generationLength: 4)
        all.threshold = nil
        var decoder = MultiBlockDecoder(ScriptedModel.task(), all)
        #expect(ScriptedModel(defaultEntropy: 50).run(&decoder).count == 1)
    }

    @Test func sequentialSettingsDecodeLikeTheBlockwiseDecoder() {
        let model = ScriptedModel(entropies: [4: 0.1, 6: 0.9, 9: 0.2, 10: 0.3])
        var multi = MultiBlockDecoder(ScriptedModel.task(), options(add: 1, activate: 1))
        var plain = BlockwiseDecoder(
            ScriptedModel.task(),
            BlockwiseOptions(generationLength: 8, blockLength: 4, rule: .entropy(0.5)))
        #expect(model.run(&multi).map(\.step.positions) == model.run(&plain).map(\.step.positions))
    }

    @Test func evaluationLimitEndsDecoding() {
        var limited = options()
        limited.evaluationLimit = 2
        var decoder = MultiBlockDecoder(ScriptedModel.task(), limited)
        ScriptedModel(defaultEntropy: 2).run(&decoder)
        #expect(decoder.evaluations == 3)  // upstream stops once NFE exceeds the limit
    }

    // MARK: - End tokens in order

    @Test func anEndTokenWaitsForWhatStandsBeforeIt() {
        let scripted = ScriptedModel(
            tokens: [6: end, 7: end, 8: end], entropies: [4: 1, 5: 2, 6: 0.1, 7: 0.2, 8: 0.1, 9: 0.3])
        var free = MultiBlockDecoder(ScriptedModel.task(), options(add: 0))
        // As released: the surest are the end tokens, and nothing is forced beside them.
        #expect(scripted.run(&free)[0].step.positions == [6, 7, 8, 9])
        var settings = options(add: 0)
        settings.endTokens = .inOrder
        var ordered = MultiBlockDecoder(ScriptedModel.task(), settings)
        let turns = scripted.run(&ordered)
        // 9 passes and is no end token; block 0 has to progress, by the surest that isn't one.
        #expect(turns.map(\.step.positions) == [[4, 9], [5], [6, 7, 8], [10], [11]])
        #expect(ordered.tokens[6] == end && ordered.tokens[5] == 7)
    }

    @Test func theFirstMaskIsDecodedWhereAllThatIsSureAreLaterEndTokens() {
        let scripted = ScriptedModel(
            tokens: [4: end, 5: end, 6: end, 7: end], entropies: [4: 3, 5: 2, 6: 0.4, 7: 0.1])
        var settings = options(generationLength: 4)
        settings.endTokens = .inOrder
        var decoder = MultiBlockDecoder(ScriptedModel.task(), settings)
        // Each may only be decoded once nothing before it is masked; then those that pass follow at once.
        #expect(scripted.run(&decoder).map(\.step.positions) == [[4], [5], [6, 7]])
        settings.earlyStop = true
        var stopping = MultiBlockDecoder(ScriptedModel.task(), settings)
        #expect(scripted.run(&stopping).map(\.step.positions) == [[4]])
        #expect(stopping.tokens[4...].allSatisfy { $0 == end })
    }

    @Test(arguments: [MultiBlockRules.llada, .dream])
    func withEndTokensInOrderDecodingAlwaysEnds(rules: MultiBlockRules) {
        var settings = options(generationLength: 16, add: 0, activate: 0.5, rules: rules)
        settings.endTokens = .inOrder
        for seed in 0..<200 {
            var model = ScriptedModel()
            model.override = { [end] forward, position in
                var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(forward * 64 + position)
                state ^= state >> 29
                state = state &* 0xBF58_476D_1CE4_E5B9
                state ^= state >> 32
                return Prediction(
                    position: position, token: state % 3 == 0 ? end : 7, probability: 0.5,
                    entropy: Double(state % 1000) / 1000)
            }
            var decoder = MultiBlockDecoder(ScriptedModel.task(), settings)
            let turns = model.run(&decoder)
            #expect(turns.count <= 16)
            #expect(turns.flatMap(\.step.positions).sorted() == Array(4..<20))
            // At no time an end token before a mask... of an earlier position.
            var masked = Set(4..<20)
            for turn in turns {
                masked.subtract(turn.step.positions)
                for entry in turn.step.unmasked where entry.token == end {
                    #expect(!masked.contains { $0 < entry.position })
                }
            }
        }
    }

    // MARK: - Early stop and its quirks

    /// Decodes the end token at 5 first; in the second turn all positions pass the threshold.
    private var endFirst: ScriptedModel {
        var model = ScriptedModel()
        model.override = { [end] forward, position in
            switch (forward, position) {
            case (0, 5): Prediction(position: 5, token: end, probability: 0.9, entropy: 0.1)
            case (0, _): Prediction(position: position, token: 7, probability: 0.2, entropy: 2)
            default: Prediction(position: position, token: 8, probability: 0.9, entropy: 0.2)
            }
        }
        return model
    }

    @Test func faithfulSnapshotLeavesTokensBehindTheEnd() {
        var decoder = MultiBlockDecoder(
            ScriptedModel.task(), options(generationLength: 4, earlyStop: true))
        let turns = endFirst.run(&decoder)
        #expect(turns[1].step.sequence == [5, 5, 5, 5, ScriptedModel.mask, end, end, end])
        #expect(turns[1].request.candidates == [4, 6, 7])
        #expect(Array(decoder.state.response) == [8, end, 8, 8])
    }

    @Test func correctedSnapshotKeepsTheEnd() {
        var quirks = Quirks.faithful
        quirks.snapshot = .corrected
        var decoder = MultiBlockDecoder(
            ScriptedModel.task(), options(generationLength: 4, earlyStop: true, quirks: quirks))
        let turns = endFirst.run(&decoder)
        #expect(turns[1].request.candidates == [4])
        #expect(Array(decoder.state.response) == [8, end, end, end])
    }

    /// The first token decoded is the end token and comes first: the next turn only fills.
    private let endAtOnce = ScriptedModel(tokens: [4: ScriptedModel.end], entropies: [4: 0.1])

    @Test func faithfulNFECountsATurnWithoutForward() {
        var decoder = MultiBlockDecoder(ScriptedModel.task(), options(earlyStop: true))
        endAtOnce.run(&decoder)
        #expect(decoder.forwards == 1 && decoder.evaluations == 2)
        #expect(decoder.state.response.allSatisfy { $0 == end })
    }

    @Test func correctedNFECountsForwardsOnly() {
        var quirks = Quirks.faithful
        quirks.idleEvaluation = .corrected
        var decoder = MultiBlockDecoder(ScriptedModel.task(), options(earlyStop: true, quirks: quirks))
        endAtOnce.run(&decoder)
        #expect(decoder.forwards == 1 && decoder.evaluations == 1)
    }

    @Test func afterAnEndedDecodeNothingIsAskedForAgain() {
        var decoder = MultiBlockDecoder(ScriptedModel.task(), options(earlyStop: true))
        endAtOnce.run(&decoder)
        #expect(decoder.nextRequest() == nil && decoder.nextRequest() == nil)
        #expect(decoder.evaluations == 2)
    }

    @Test func blocksAfterTheEndAreDoneAndOnlyTheMasksBeforeItRemain() {
        var decoder = MultiBlockDecoder(
            ScriptedModel.task(),
            options(generationLength: 12, add: 0, earlyStop: true, quirks: .corrected))
        let model = ScriptedModel(tokens: [9: end], entropies: [9: 0.1])
        let turns = model.run(&decoder)
        // Turn 0 decodes 9 (an end in block 2) and the forced 4; block 3 is then created as done.
        #expect(turns[0].step.positions == [4, 9])
        #expect(turns[1].request.candidates == [5, 6, 7, 8])
        #expect(turns[1].step.blocks == [.fullyActivated, .activated, .completed])
        #expect(Array(decoder.state.response) == [7, 7, 7, 7, 7] + [Int32](repeating: end, count: 7))
    }
}

/// The bookkeeping of blocks by itself.
@Suite struct BlockLedgerTests {
    @Test("a mask count stops at 0, however many positions of the block are accepted", arguments: 0...9)
    func maskCount(_ accepted: Int) {
        var options = MultiBlockOptions()
        options.generationLength = 16
        options.blockLength = 8
        var ledger = BlockLedger(options, promptLength: 4)
        ledger.update(1) { $0.maskCount = 3 }
        let predictions = (0..<accepted).map {
            Prediction(position: 4 + $0 % 8, token: 7, probability: 0.5, entropy: 1)
        }
        ledger.subtract(predictions)
        #expect(ledger.blocks[1].maskCount == max(0, 3 - accepted))
        // Nothing that looks at the count tells a smaller one from 0.
        #expect(ledger.toAdvance.isEmpty == (accepted >= 3))
        #expect(ledger.blocks[1].progress <= 1)
    }
}
