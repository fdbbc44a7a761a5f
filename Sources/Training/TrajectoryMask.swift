/// The noise process of d3LLM: one window of a response is masked as it was at some state of a teacher's
/// trajectory; what is before the window is given, what is after it is masked
/// (paper, "pseudo-trajectory"; `forward_process_with_trajectory` in `d3llm_llada_train.py`).
public enum TrajectoryMask {
    /// The order in which a teacher decoded one sequence.
    public struct Trajectory: Sendable {
        /// Number of states; state s is the sequence after s + 1 forwards.
        public var states: Int
        /// Per position of the sequence: first state in which it is decoded, -1 if none.
        ///
        /// Prompt positions are 0.
        public var unmaskStep: [Int32]

        public init(states: Int, unmaskStep: [Int32]) {
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
    public struct Window: Sendable, Hashable {
        /// Positions of the window; empty where the row takes no part.
        public var range: Range<Int>
        /// One flag per position of ``range``.
        public var masked: [Bool]
    }

    /// Which state of a trajectory shows a window masked at a ratio.
    public enum StateIndex: String, Sendable, CaseIterable {
        /// `start + int((1 - ratio) · length)` of the states after each step, as the released code: since the first of
        /// them already has one token decoded, one token fewer is masked than the ratio says, and never all.
        case faithful
        /// The state before that one, in which as many are masked as the ratio says.
        case corrected
    }

    /// Options of the process.
    public struct Options: Sendable {
        /// Length of the window in tokens.
        public var windowLength: Int
        /// Share of the window that is masked.
        public var ratio: Double
        /// Masks positions independently at the given ratio instead of following a trajectory.
        public var usesRandomMask: Bool
        /// Counts windows over the response with its padding (Dream's training code) instead of without (LLaDA's).
        public var countsPadding: Bool
        /// Takes the whole response, padding included, as the window and draws none (Dream's training code without
        /// block-wise loss).
        public var usesWholeResponse: Bool
        public var stateIndex: StateIndex

        public init(
            windowLength: Int, ratio: Double, usesRandomMask: Bool = false, countsPadding: Bool = false,
            usesWholeResponse: Bool = false, stateIndex: StateIndex = .faithful
        ) {
            self.windowLength = windowLength
            self.ratio = ratio
            self.usesRandomMask = usesRandomMask
            self.countsPadding = countsPadding
            self.usesWholeResponse = usesWholeResponse
            self.stateIndex = stateIndex
        }
    }

    /// Draws the window of one row and its mask.
    ///
    /// - Parameters:
    ///   - length: tokens in the row, padding included.
    ///   - promptLength: tokens of the prompt.
    ///   - fullLength: tokens of prompt and response before padding; a row without response takes no part.
    ///   - trajectory: `nil`, or one of another length, falls back to random masking as upstream does.
    public static func window(
        length: Int, promptLength: Int, fullLength: Int, trajectory: Trajectory?, _ options: Options,
        _ draws: inout some DrawSource
    ) -> Window {
        let response = (options.countsPadding ? length : fullLength) - promptLength
        guard response > 0 else { return Window(range: length..<length, masked: []) }
        let (start, end): (Int, Int)
        if options.usesWholeResponse {
            (start, end) = (min(promptLength, length), length)
        } else {
            let last = response / options.windowLength
            let n = draws.integer(0, last)
            start = min(promptLength + n * options.windowLength, length)
            end = n == last ? length : min(start + options.windowLength, length)
        }
        let range = start..<end
        if !options.usesRandomMask, let trajectory, trajectory.states > 0,
            trajectory.unmaskStep.count == length
        {
            let state = stateIndex(
                ratio: options.ratio, start: start - promptLength, end: end - promptLength,
                states: trajectory.states, options.stateIndex)
            return Window(range: range, masked: range.map { trajectory.isMasked($0, state: state) })
        }
        let probability = (1 - 1e-3) * options.ratio + 1e-3
        return Window(range: range, masked: draws.uniform(range.count).map { $0 < probability })
    }

    /// Which state shows the window `start..<end` (counted from the response's first token) masked at `ratio`, at most
    /// the last one; -1 is the state before the first step.
    public static func stateIndex(
        ratio: Double, start: Int, end: Int, states: Int, _ rule: StateIndex = .faithful
    ) -> Int {
        let index = start + Int((1 - ratio) * Double(end - start))
        return min(rule == .faithful ? index : index - 1, states - 1)
    }

    /// The row as the student sees it: masked window positions and everything behind the window are `mask`.
    /// - Parameter complement: masks what the window's mask leaves, instead.
    public static func apply(_ window: Window, to tokens: [Int32], mask: Int32, complement: Bool = false)
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
