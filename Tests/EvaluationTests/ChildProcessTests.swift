import Testing

@testable import Evaluation

/// When a program that says nothing is given up.
@Suite struct ChildProcessTests {
    @Test(arguments: [1, 4, 20, 300]) func waitingForAProcessorIsNotHeldAgainstAProgram(_ seconds: Int) {
        let limit = Duration.seconds(seconds)
        let last = max(limit * 20, .seconds(60))
        for tenth in 0...12 {
            let elapsed = last * tenth / 10
            // Nothing but waiting: the end isn't a verdict on the program.
            let waiting = ChildProcess.ending(after: elapsed, waited: elapsed, limit: limit)
            #expect(waiting == (elapsed >= last ? .starved : nil))
            // More threads than one wait beside one another.
            #expect(ChildProcess.ending(after: elapsed, waited: elapsed * 3, limit: limit) == waiting)
            // No waiting at all: as by the clock.
            let plain = ChildProcess.ending(after: elapsed, waited: .zero, limit: limit)
            #expect(plain == (elapsed >= limit ? .timeLimit : nil))
            // It has had its time, whatever else it waited for.
            #expect(ChildProcess.ending(after: elapsed + limit, waited: elapsed, limit: limit) == .timeLimit)
        }
    }
}
