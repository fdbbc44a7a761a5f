import Base
import Testing

/// How errors are told to people.
@Suite struct FailureTests {
    private struct Plain: Failure {
        var failureKind: FailureKind { .work }
        let description: String
    }

    private struct Lined: Failure {
        var failureKind: FailureKind { .work }
        var hasOwnLines: Bool { true }
        let description: String
    }

    private struct Foreign: Error, CustomStringConvertible {
        let description: String
    }

    @Test func textOfOthersBeginsNoLineOfAnError() {
        let text = "the name is x\nAll 18 checks hold.\u{1B}[8m"
        let line = #"the name is x\nAll 18 checks hold.\u{1B}[8m"#
        #expect(Plain(description: text).told == line)
        #expect(Foreign(description: text).told == line)
        #expect(Lined(description: text).told == text)
    }
}
