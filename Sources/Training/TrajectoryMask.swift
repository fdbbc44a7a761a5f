package import Numerics

/// The noise process of d3LLM: one window of a response is masked as it was at some state of a teacher's
/// trajectory; what is before the window is given, what is after it is masked
/// (paper, "pseudo-trajectory"; `forward_process_with_trajectory` in `d3llm_llada_train.py`).
package enum TrajectoryMask {
    /// The order in which a teacher decoded one sequence.
    package struct Trajectory: Sendable {
        /// Number of states; state s is the sequence after s + 1 forwards.
        package var states: Int
        /// Per position of the sequence: first state in which it is decoded, -1 if none.
        ///
        /// Prompt positions are 0.
        package var unmaskStep: [Int32]

        package init(states: Int, unmaskStep: [Int32]) {
            self.states = states
            self.unmaskStep = unmaskStep
        }

        /// Whether `position` is still masked in state `state`.
        @inline(__always)
        func isMasked(_ position: Int, state: Int) -> Bool {
            unmaskStep[position] < 0 || state < Int(unmaskStep[position])
        }
    }

    /// The window of one row and which of its positions are masked.
    package struct Window: Sendable, Hashable {
        /// Positions of the window; empty where the row takes no part.
        package var range: Range<Int>
        /// One flag per position of ``range``.
        package var masked: [Bool]
    }

    /// Which state of a trajectory shows a window masked at a ratio.
    package enum StateIndex: String, Sendable, CaseIterable {
        /// `start + int((1 - ratio) · length)` of the states after each step, as the released code: since the first of
        /// them already has one token decoded, one token fewer is masked than the ratio says, and never all.
        case faithful
        /// The state before that one, in which as many are masked as the ratio says.
        case corrected
    }

    /// Which positions of a window are masked, at a ratio that is the same for all.
    package enum Order: String, Sendable, CaseIterable {
        /// Those that the teacher hadn't decoded at the state that the ratio asks for.
        case trajectory
        /// Each with the probability of the ratio, by a draw of its own.
        case random
        /// As many as ``trajectory`` masks in this window of this row, but those that come last in another order of
        /// the row: one drawn at random, the same whenever the row is seen. The control for the teacher's order: windows,
        /// ratios and numbers of masked tokens are those of the trajectory, and a row's masks lie inside one another,
        /// as a trajectory's do.
        case shuffled
        /// As many as ``trajectory`` masks in this window of this row, but those that the teacher decoded first (of those
        /// decoded at once, the ones on the left).
        case reversed
    }

    /// Options of the process.
    package struct Options: Sendable {
        /// Length of the window in tokens.
        package var windowLength: Int
        /// Share of the window that is masked.
        package var ratio: Double
        package var order: Order
        /// Counts windows over the response with its padding (Dream's training code) instead of without (LLaDA's).
        package var countsPadding: Bool
        /// Takes the whole response, padding included, as the window and draws none (Dream's training code without
        /// block-wise loss).
        package var usesWholeResponse: Bool
        package var stateIndex: StateIndex

        package init(
            windowLength: Int, ratio: Double, order: Order = .trajectory, countsPadding: Bool = false,
            usesWholeResponse: Bool = false, stateIndex: StateIndex = .faithful
        ) {
            self.windowLength = windowLength
            self.ratio = ratio
            self.order = order
            self.countsPadding = countsPadding
            self.usesWholeResponse = usesWholeResponse
            self.stateIndex = stateIndex
        }
    }

    /// Draws the window of one row and then its mask, as upstream does: ``range(length:promptLength:fullLength:_:_:)``,
    /// then ``masked(_:length:promptLength:trajectory:orderKeys:_:_:)``.
    package static func window(
        length: Int, promptLength: Int, fullLength: Int, trajectory: Trajectory?, orderKeys: [Double] = [],
        _ options: Options, _ draws: inout some DrawSource
    ) -> Window {
        let range = range(
            length: length, promptLength: promptLength, fullLength: fullLength, options, &draws)
        guard (options.countsPadding ? length : fullLength) > promptLength else {
            return Window(range: range, masked: [])
        }
        return masked(
            range, length: length, promptLength: promptLength, trajectory: trajectory, orderKeys: orderKeys,
            options, &draws)
    }

    /// Draws where the window of one row lies: one whole number, or nothing where the whole response is the window.
    ///
    /// - Parameters:
    ///   - length: tokens in the row, padding included.
    ///   - promptLength: tokens of the prompt.
    ///   - fullLength: tokens of prompt and response before padding; a row without response takes no part, and its
    ///     window is empty.
    package static func range(
        length: Int, promptLength: Int, fullLength: Int, _ options: Options, _ draws: inout some DrawSource
    ) -> Range<Int> {
        let response = (options.countsPadding ? length : fullLength) - promptLength
        guard response > 0 else { return length..<length }
        if options.usesWholeResponse { return min(promptLength, length)..<length }
        let last = response / options.windowLength
        let n = draws.integer(0, last)
        let start = min(promptLength + n * options.windowLength, length)
        return start..<(n == last ? length : min(start + options.windowLength, length))
    }

    /// The window behind another one, of the length that windows have there; nil behind the last one of a response.
    ///
    /// - Parameter range: a window that ``range(length:promptLength:fullLength:_:_:)`` could have drawn.
    package static func next(
        after range: Range<Int>, length: Int, promptLength: Int, fullLength: Int, _ options: Options
    ) -> Range<Int>? {
        let start = range.upperBound
        guard !options.usesWholeResponse, !range.isEmpty, start < length else { return nil }
        let response = (options.countsPadding ? length : fullLength) - promptLength
        let isLast = (start - promptLength) / options.windowLength >= response / options.windowLength
        return start..<(isLast ? length : min(start + options.windowLength, length))
    }

    /// Says which positions of a window are masked.
    ///
    /// Only random masks draw: one number for each position.
    ///
    /// - Parameters:
    ///   - range: the window.
    ///   - length: tokens in the row, padding included.
    ///   - promptLength: tokens of the prompt.
    ///   - trajectory: `nil`, or one of another length, falls back to random masking as upstream does.
    ///   - orderKeys: for ``Order/shuffled``, a number per position of the row; positions are decoded in rising order.
    package static func masked(
        _ range: Range<Int>, length: Int, promptLength: Int, trajectory: Trajectory?,
        orderKeys: [Double] = [],
        _ options: Options, _ draws: inout some DrawSource
    ) -> Window {
        guard options.order != .random, let trajectory, trajectory.states > 0,
            trajectory.unmaskStep.count == length
        else {
            let probability = (1 - 1e-3) * options.ratio + 1e-3
            return Window(range: range, masked: draws.uniform(range.count).map { $0 < probability })
        }
        let state = stateIndex(
            ratio: options.ratio, start: range.lowerBound - promptLength,
            end: range.upperBound - promptLength,
            states: trajectory.states, options.stateIndex)
        let taught = range.map { trajectory.isMasked($0, state: state) }
        switch options.order {
        case .trajectory, .random: return Window(range: range, masked: taught)
        case .shuffled:
            precondition(
                orderKeys.count == length, "\(orderKeys.count) keys of an order for \(length) positions")
            return Window(range: range, masked: last(taught.count { $0 }, of: range.map { orderKeys[$0] }))
        case .reversed:
            // Positions that were never decoded come last in the teacher's order.
            let steps = range.map { trajectory.unmaskStep[$0] }.map { $0 < 0 ? Int32.max : $0 }
            return Window(range: range, masked: last(taught.count { $0 }, of: steps.map { -Int64($0) }))
        }
    }

    /// Marks the `count` elements that come last in rising order; of equal ones the left ones are later.
    private static func last<Key: Comparable>(_ count: Int, of keys: [Key]) -> [Bool] {
        let order = keys.indices.sorted { (keys[$0], $1) < (keys[$1], $0) }
        var result = Array(repeating: false, count: keys.count)
        for index in order.suffix(count) { result[index] = true }
        return result
    }

    /// Which state shows the window `start..<end` (counted from the response's first token) masked at `ratio`, at most
    /// the last one; -1 is the state before the first step.
    package static func stateIndex(
        ratio: Double, start: Int, end: Int, states: Int, _ rule: StateIndex = .faithful
    ) -> Int {
        let index = start + Int((1 - ratio) * Double(end - start))
        return min(rule == .faithful ? index : index - 1, states - 1)
    }

    /// The row as the student sees it: masked window positions and everything behind the window are `mask`.
    /// - Parameter complement: masks what the window's mask leaves, instead.
    package static func apply(_ window: Window, to tokens: [Int32], mask: Int32, complement: Bool = false)
        -> [Int32]
    {
        guard !window.masked.isEmpty else { return tokens }
        var noisy = tokens
        for (i, masked) in window.masked.enumerated() where masked != complement {
            noisy[window.range.lowerBound + i] = mask
        }
        for i in window.range.upperBound..<tokens.count { noisy[i] = mask }
        return noisy
    }
}

/// Where the random draws of a noise process come from; scripted in parity checks.
package protocol DrawSource {
    /// A whole number from `low` to `high`, both included (Python's `random.randint`).
    mutating func integer(_ low: Int, _ high: Int) -> Int
    /// Numbers in [0, 1), as `torch.rand(count)`.
    mutating func uniform(_ count: Int) -> [Double]
    /// The numbers below `count` in random order, as `torch.randperm(count)`.
    mutating func permutation(_ count: Int) -> [Int]
}

extension DrawSource {
    package mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        for last in order.indices.dropFirst().reversed() { order.swapAt(last, integer(0, last)) }
        return order
    }
}

extension RandomStream: DrawSource {
    package mutating func integer(_ low: Int, _ high: Int) -> Int { nextInt(in: low..<high + 1) }
    package mutating func uniform(_ count: Int) -> [Double] { (0..<count).map { _ in nextDouble() } }
}
