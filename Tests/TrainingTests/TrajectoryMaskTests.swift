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
            .init(windowLength: windowLength, ratio: ratio, usesRandomMask: random), &draws)
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
}
