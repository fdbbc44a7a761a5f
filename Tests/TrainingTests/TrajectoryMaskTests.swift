import Numerics
import Testing

@testable import Training

@Suite struct TrajectoryMaskTests {
    /// Prompt 3, response 8 decoded from left to right, one position per step; state s shows s + 1 decoded.
    private let trajectory = TrajectoryMask.Trajectory(
        states: 8, unmaskStep: [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7])

    private func window(
        _ block: Int, fullLength: Int = 11, ratio: Double = 0.5, windowLength: Int = 4,
        trajectory: TrajectoryMask.Trajectory? = nil, random: Bool = false, uniforms: [Double] = [],
        promptLength: Int = 3
    ) -> (window: TrajectoryMask.Window, draws: ScriptedDraws) {
        var draws = ScriptedDraws(integers: [block], uniforms: uniforms)
        let window = TrajectoryMask.window(
            length: 11, promptLength: promptLength, fullLength: fullLength, trajectory: trajectory,
            .init(windowLength: windowLength, ratio: ratio, order: random ? .random : .trajectory), &draws)
        return (window, draws)
    }

    @Test("the window is one of the response's blocks, the draw including one behind the last full block")
    func choice() {
        #expect(window(0).draws.ranges == [0...2])
        #expect(window(0).window.range == 3..<7)
        #expect(window(1).window.range == 7..<11)
        // 8 response tokens are two blocks; the third choice starts at the end of the row.
        #expect(window(2).window.range == 11..<11)
        // With padding the last choice reaches to the end of the row.
        #expect(window(1, fullLength: 9).draws.ranges == [0...1])
        #expect(window(1, fullLength: 9).window.range == 7..<11)
        #expect(window(0, fullLength: 5).window.range == 3..<11)
        #expect(window(0, windowLength: 100).window.range == 3..<11)
    }

    @Test("windows counted over the padding reach beyond the response, and the whole response needs no draw")
    func dream() {
        var draws = ScriptedDraws(integers: [1], uniforms: [])
        let counted = TrajectoryMask.window(
            length: 11, promptLength: 3, fullLength: 5, trajectory: trajectory,
            .init(windowLength: 4, ratio: 0.5, countsPadding: true), &draws)
        #expect(draws.ranges == [0...2])
        #expect(counted.range == 7..<11)
        var none = ScriptedDraws(integers: [], uniforms: [])
        let whole = TrajectoryMask.window(
            length: 11, promptLength: 3, fullLength: 5, trajectory: trajectory,
            .init(windowLength: 4, ratio: 0.5, countsPadding: true, usesWholeResponse: true), &none)
        #expect(none.ranges.isEmpty)
        #expect(whole.range == 3..<11)
        // State 4 shows five of the eight positions.
        #expect(whole.masked == [false, false, false, false, false, true, true, true])
    }

    @Test("a row without response takes no part", arguments: [3, 2, 0])
    func noResponse(fullLength: Int) {
        let (window, draws) = window(0, fullLength: fullLength)
        #expect(window.range == 11..<11 && window.masked.isEmpty)
        #expect(draws.ranges.isEmpty)
        let tokens = Tiny.tokens(11, seed: 1)
        #expect(TrajectoryMask.apply(window, to: tokens, mask: Tiny.mask) == tokens)
        #expect(TrajectoryMask.apply(window, to: tokens, mask: Tiny.mask, complement: true) == tokens)
    }

    @Test("the mask is the trajectory's at the state that the ratio asks for")
    func followsTrajectory() {
        // State 3 + ... : start 0, half of 4 tokens: state 2, which shows three tokens decoded.
        #expect(window(0, trajectory: trajectory).window.masked == [false, false, false, true])
        // start 4: state 6.
        #expect(window(1, trajectory: trajectory).window.masked == [false, false, false, true])
        #expect(window(1, ratio: 1, trajectory: trajectory).window.masked == [false, true, true, true])
        // The last state is the limit.
        #expect(window(1, ratio: 0, trajectory: trajectory).window.masked == [false, false, false, false])
        let undecoded = TrajectoryMask.Trajectory(states: 8, unmaskStep: [0, 0, 0, -1, 0, -1, 0, 0, 0, 0, 0])
        #expect(window(0, trajectory: undecoded).window.masked == [true, false, true, false])
    }

    @Test("the state index counts from the response's start and is clamped to the last state")
    func stateIndex() {
        #expect(TrajectoryMask.stateIndex(ratio: 1, start: 0, end: 4, states: 8) == 0)
        #expect(TrajectoryMask.stateIndex(ratio: 0.5, start: 4, end: 8, states: 8) == 6)
        #expect(TrajectoryMask.stateIndex(ratio: 0.3, start: 0, end: 4, states: 8) == 2)
        #expect(TrajectoryMask.stateIndex(ratio: 0, start: 4, end: 8, states: 8) == 7)
        #expect(TrajectoryMask.stateIndex(ratio: 0, start: 4, end: 8, states: 3) == 2)
    }

    @Test("without a usable trajectory positions are masked at the ratio")
    func fallback() {
        let uniforms = [0.1, 0.5, 0.51, 0.9]
        let expected = [true, true, false, false]  // the probability is 0.999 · 0.5 + 0.001
        let short = TrajectoryMask.Trajectory(states: 8, unmaskStep: [0, 0, 0, 1])
        let stateless = TrajectoryMask.Trajectory(states: 0, unmaskStep: trajectory.unmaskStep)
        for unusable in [nil, short, stateless] {
            #expect(window(0, trajectory: unusable, uniforms: uniforms).window.masked == expected)
        }
        #expect(
            window(0, trajectory: trajectory, random: true, uniforms: uniforms).window.masked == expected)
    }

    @Test("applying masks the window's positions and everything behind it, the complement the others")
    func apply() {
        let tokens = Tiny.tokens(11, seed: 1)
        let window = TrajectoryMask.Window(range: 3..<7, masked: [true, false, true, false])
        let noisy = TrajectoryMask.apply(window, to: tokens, mask: Tiny.mask)
        let other = TrajectoryMask.apply(window, to: tokens, mask: Tiny.mask, complement: true)
        func masked(_ row: [Int32]) -> [Int] { row.indices.filter { row[$0] == Tiny.mask } }
        #expect(masked(noisy) == [3, 5, 7, 8, 9, 10])
        #expect(masked(other) == [4, 6, 7, 8, 9, 10])
        for i in [0, 1, 2, 4, 6] { #expect(noisy[i] == tokens[i]) }
    }

    @Test("the corrected state masks as many tokens as the ratio says, the faithful one one fewer")
    func correctedState() {
        for (ratio, count) in [(0.0, 0), (0.25, 1), (0.5, 2), (1.0, 4)] {
            for (rule, expected) in [
                (TrajectoryMask.StateIndex.faithful, max(0, count - 1)), (.corrected, count),
            ] {
                var draws = ScriptedDraws(integers: [0])
                let window = TrajectoryMask.window(
                    length: 11, promptLength: 3, fullLength: 11, trajectory: trajectory,
                    .init(windowLength: 4, ratio: ratio, stateIndex: rule), &draws)
                #expect(window.masked.count { $0 } == expected, "\(ratio), \(rule)")
            }
        }
    }

    @Test("other orders mask as many tokens of a window as the teacher's, whatever the rule of states")
    func countsOfOtherOrders() {
        for answer in 0..<40 {
            var stream = RandomStream(seed: 3, purpose: "test", sample: UInt64(answer))
            // Prompt 3, response 12, decoded in any order, two at a time now and then.
            let steps = (0..<12).map { Int32($0 * 2 / 3) }.shuffled(using: &stream)
            let trajectory = TrajectoryMask.Trajectory(states: 8, unmaskStep: [0, 0, 0] + steps)
            let keys = stream.uniform(15)
            for step in 0..<30 {
                for rule in TrajectoryMask.StateIndex.allCases {
                    let windows = TrajectoryMask.Order.allCases.map { order in
                        var draws = RandomStream(seed: 4, purpose: "test", sample: UInt64(step))
                        return TrajectoryMask.window(
                            length: 15, promptLength: 3, fullLength: 13, trajectory: trajectory,
                            orderKeys: keys,
                            .init(
                                windowLength: 5, ratio: Double(step) / 30, order: order, stateIndex: rule),
                            &draws)
                    }
                    let taught = windows[0]
                    #expect(windows.allSatisfy { $0.range == taught.range })
                    for other in windows[2...] {
                        #expect(other.masked.count { $0 } == taught.masked.count { $0 })
                    }
                }
            }
        }
    }

    @Test("a shuffled order is one order: what is masked at a lower ratio is masked at a higher one")
    func shuffledIsAnOrder() {
        var stream = RandomStream(seed: 5, purpose: "test")
        let keys = stream.uniform(11)
        let masks = (0...8).map { eighths in
            var draws = ScriptedDraws(integers: [0])
            return TrajectoryMask.window(
                length: 11, promptLength: 3, fullLength: 11, trajectory: trajectory, orderKeys: keys,
                .init(
                    windowLength: 8, ratio: Double(eighths) / 8, order: .shuffled, stateIndex: .corrected),
                &draws
            ).masked
        }
        for (fewer, more) in zip(masks, masks.dropFirst()) {
            #expect(fewer.count { $0 } + 1 == more.count { $0 })
            #expect(zip(fewer, more).allSatisfy { !$0 || $1 })
        }
        let last = (3..<11).max { keys[$0] < keys[$1] }.map { $0 - 3 }
        #expect(masks[1].firstIndex(of: true) == last)
    }

    @Test("shuffled positions are uniform: each of the 70 sets of four of eight as often as chance has it")
    func shuffledIsUniform() {
        var counts: [[Bool]: Int] = [:]
        let answers = 14_000
        for answer in 0..<answers {
            var stream = RandomStream(seed: 6, purpose: "test", sample: UInt64(answer))
            let keys = stream.uniform(11)
            var draws = ScriptedDraws(integers: [0])
            let window = TrajectoryMask.window(
                length: 11, promptLength: 3, fullLength: 11, trajectory: trajectory, orderKeys: keys,
                .init(windowLength: 8, ratio: 0.5, order: .shuffled, stateIndex: .corrected), &draws)
            counts[window.masked, default: 0] += 1
        }
        #expect(counts.count == 70)
        let expected = Double(answers) / 70
        let statistic = counts.values.reduce(0.0) {
            $0 + (Double($1) - expected) * (Double($1) - expected) / expected
        }
        // 69 degrees of freedom: 99.9 % lie below 111.
        #expect(statistic < 111 && statistic > 35, "chi-square \(statistic)")
    }

    @Test func reversedMasksWhatTheTeacherDecodedFirst() {
        var draws = ScriptedDraws(integers: [0])
        let window = TrajectoryMask.window(
            length: 11, promptLength: 3, fullLength: 11, trajectory: trajectory,
            .init(windowLength: 8, ratio: 0.375, order: .reversed, stateIndex: .corrected), &draws)
        #expect(window.masked == [true, true, true, false, false, false, false, false])
        // What was never decoded comes last; of two decoded at once the left one is masked.
        let odd = TrajectoryMask.Trajectory(states: 8, unmaskStep: [0, 0, 0, -1, 5, 2, 2, 9, 9, 9, 9])
        draws = ScriptedDraws(integers: [0])
        let other = TrajectoryMask.window(
            length: 11, promptLength: 3, fullLength: 11, trajectory: odd,
            .init(windowLength: 4, ratio: 0, order: .reversed), &draws)
        // State 4 of the teacher has two masked: the one never decoded and that of step 5.
        #expect(other.masked == [false, false, true, true])
    }
}
