import Testing

@testable import Decoding

@Suite struct TrajectoryTests {
    private func record(_ decoder: some Decoder, _ model: ScriptedModel) -> Trajectory {
        var decoder = decoder
        var recorder = TrajectoryRecorder(decoder)
        for turn in model.run(&decoder) { recorder.observe(turn.step) }
        return recorder.finish(decoder)
    }

    @Test func eachPositionGetsTheStepThatDecidedIt() {
        let trajectory = record(
            BlockwiseDecoder(ScriptedModel.task(), BlockwiseOptions(generationLength: 4, blockLength: 2)),
            ScriptedModel(probabilities: [4: 0.1, 5: 0.2, 6: 0.4, 7: 0.3]))
        #expect(trajectory.unmaskStep == [1, 0, 2, 3])
        #expect(trajectory.response == [7, 7, 7, 7] && trajectory.evaluations == 4)
    }

    @Test func statesFollowFromTheSteps() {
        let trajectory = Trajectory(unmaskStep: [1, 0, -1], response: [4, 5, 9], evaluations: 2)
        #expect(trajectory.state(afterStep: 0, maskToken: 9) == [9, 5, 9])
        #expect(trajectory.state(afterStep: 1, maskToken: 9) == [4, 5, 9])
    }

    @Test func positionsFilledAfterTheEndBelongToTheStepThatDecodedTheEnd() {
        let trajectory = record(
            BlockwiseDecoder(
                ScriptedModel.task(),
                BlockwiseOptions(generationLength: 4, blockLength: 2, earlyStop: true)),
            ScriptedModel(tokens: [5: ScriptedModel.end], probabilities: [5: 0.9]))
        #expect(trajectory.unmaskStep == [1, 0, 0, 0])
    }

    @Test func positionsThatStayMaskedGetMinusOne() {
        let trajectory = record(
            BlockCacheDecoder(
                ScriptedModel.task(),
                BlockwiseOptions(
                    generationLength: 4, blockLength: 2, rule: .confidence(0.1), earlyStop: true,
                    earlyStopStyle: .dInfer, forwardsFinishedBlocks: false),
                reuse: .prefix),
            ScriptedModel(tokens: [5: ScriptedModel.end]))
        #expect(trajectory.unmaskStep == [0, 0, -1, -1])
    }
}
