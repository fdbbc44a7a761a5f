/// The order in which a teacher decoded a response: one step number per position.
///
/// This says all that training needs of the states in between, at a fraction of their size: after step s,
/// position j is masked exactly if `unmaskStep[j]` is −1 or greater than s.
package struct Trajectory: Sendable, Hashable {
    /// Index of the forward after which each position of the response was no longer masked; −1 if it always was.
    package var unmaskStep: [Int32]
    /// The response at the end.
    package var response: [Int32]
    /// NFE as the decoder reports it.
    package var evaluations: Int

    package init(unmaskStep: [Int32], response: [Int32], evaluations: Int) {
        precondition(unmaskStep.count == response.count, "one step number per position of the response")
        self.unmaskStep = unmaskStep
        self.response = response
        self.evaluations = evaluations
    }

    /// The response as it stood after step `step`, masks included.
    package func state(afterStep step: Int, maskToken: Int32) -> [Int32] {
        zip(unmaskStep, response).map { $0 >= 0 && $0 <= step ? $1 : maskToken }
    }
}

/// Watches one sequence being decoded and notes when each position was decided.
///
/// It compares the sequences that neighbouring forwards saw, so it also notes what an early stop filled in. For
/// decoders whose sequence has its full length from the start.
package struct TrajectoryRecorder: Sendable {
    private let maskToken: Int32
    private let promptLength: Int
    private var unmaskStep: [Int32]
    private var lastStep: Int32 = -1

    /// Starts before the first step of `decoder`.
    package init(_ decoder: any Decoder) {
        maskToken = decoder.state.maskToken
        promptLength = decoder.promptLength
        unmaskStep = decoder.state.response.map { $0 == decoder.state.maskToken ? -1 : 0 }
    }

    /// Takes the next step.
    package mutating func observe(_ step: StepRecord) {
        note(step.sequence)
        lastStep = Int32(step.index)
    }

    /// The trajectory once `decoder` has ended.
    package func finish(_ decoder: any Decoder) -> Trajectory {
        var last = self
        last.note(decoder.tokens)
        return Trajectory(
            unmaskStep: last.unmaskStep, response: Array(decoder.state.response),
            evaluations: decoder.evaluations)
    }

    /// Whatever `sequence` shows for the first time was decided by the step before.
    private mutating func note(_ sequence: [Int32]) {
        precondition(sequence.count == promptLength + unmaskStep.count, "the sequence changed its length")
        for (index, token) in sequence[promptLength...].enumerated()
        where unmaskStep[index] < 0 && token != maskToken {
            unmaskStep[index] = lastStep
        }
    }
}

/// Dream's plan of how many tokens each forward decodes: times fall evenly from 1 to nearly 0, and the step from
/// time t to time s decodes the share 1 − s / t of the masks that are left.
///
/// In single precision as upstream has it, because its rounding decides how the products are truncated.
struct UnmaskingTimes: Sendable, Hashable {
    /// One more than there are steps.
    private let times: [Float]

    /// - Parameters:
    ///   - steps: number of forwards, at least 1.
    ///   - last: the last time.
    init(steps: Int, last: Double) {
        precondition(steps > 0, "a plan has at least one step")
        let last = Float(last)
        let step = (last - 1) / Float(steps)
        // As PyTorch's `linspace` does, each half is counted from its own end.
        times = (0...steps).map { index in
            index < (steps + 1) / 2 ? 1 + step * Float(index) : last - step * Float(steps - index)
        }
    }

    private var steps: Int { times.count - 1 }

    /// Share of the masks that the forward with this index, from 0, decodes: 1 from the last one on.
    func share(at index: Int) -> Double {
        index >= steps - 1 ? 1 : Double(1 - times[index + 1] / times[index])
    }

    /// Tokens that the forward with this index, from 0, decodes when `masks` are left: all in the last one, none
    /// after it.
    func count(at index: Int, masks: Int) -> Int {
        if index >= steps - 1 { return index == steps - 1 ? masks : 0 }
        return Int(Float(masks) * (1 - times[index + 1] / times[index]))
    }
}
