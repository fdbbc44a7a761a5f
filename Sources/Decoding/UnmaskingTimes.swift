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
