import Parity
import TestSupport
import Testing

/// Every recorded case in the repository must be repeated exactly.
@Suite struct GoldenParityTests {
    @Test func everyRecordedCaseIsRepeated() throws {
        var lines: [String] = []
        let outcome = try ParityRunner(Fixtures.path("golden")).run { lines.append($0) }
        for line in lines { print(line) }
        #expect(outcome.hasPassed)
        #expect(lines.contains("llada/decode: 185 passed, 0 failed"))
    }
}
