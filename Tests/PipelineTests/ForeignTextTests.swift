import Base
import JSON
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Audit
@testable import Recipes
@testable import Runs

/// Texts of records, servers and configurations on a terminal: they stay on their line and command nothing.
@Suite struct ForeignTextTests {
    /// What was written into the summary of an artifact to pose as the end of a check.
    private static let forged = "\r\u{1B}[2K  ok       vanilla\nAll 18 checks hold.\u{1B}[8m\u{9B}2J\u{202E}"

    private func isHarmless(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { !$0.isInvisible || $0 == "\n" || $0 == "\t" }
    }

    @Test func aRecordCannotForgeItsVerification() {
        let forged = Self.forged
        let verification = Verification(
            run: forged,
            checks: [
                .init(step: .record, subject: forged, outcome: .holds(forged)),
                .init(step: .artifacts, subject: "a", outcome: .broken([forged, forged])),
                .init(step: .results, subject: "b", outcome: .unchecked(forged)),
                .init(step: .reruns, subject: "c", outcome: .leftOut(forged)),
            ], sampling: nil)
        let text = verification.text
        #expect(isHarmless(text), "\(text.visible)")
        // Each check has its line, each problem too; nothing of the record begins one.
        let lines = text.byteText.split("\n")
        #expect(lines.count == 1 + 4 + 5 + 1)
        #expect(!lines.contains { $0.hasPrefix("All ") })
        #expect(lines.last?.hasPrefix("1 of 4 checks found") == true)
    }

    @Test(arguments: [ProgressReporter.Style.plain])
    func theLogShowsWhatOthersWrote(style: ProgressReporter.Style) {
        let written = Mutex("")
        let recorded = Mutex("")
        let start = ContinuousClock.now
        let reporter = ProgressReporter(style: style, now: { start }) { text in
            written.withLock { $0 += text }
        }
        reporter.copy { line in recorded.withLock { $0 += line + "\n" } }
        let forged = Self.forged
        reporter.log(forged)
        reporter.warn(forged)
        reporter.recordOnly(forged)
        let stage = reporter.begin(forged, waiting: forged)
        reporter.beginStretch(stage, total: 10, unit: "steps", done: 0)
        reporter.advance(stage, by: 1, note: forged)
        reporter.tick()
        reporter.end(stage, forged)
        for text in [written.withLock { $0 }, recorded.withLock { $0 }] {
            #expect(isHarmless(text), "\(text.visible)")
            #expect(text.byteText.contains("\\u{1B}[2K"))
        }
        // The stage's own lines hold no line feed of others.
        let lines = written.withLock { $0 }.byteText.split("\n")
        #expect(lines.filter { $0.hasPrefix("All 18") }.count == 2)
    }

    @Test func aProblemOfAConfigurationQuotesItVisibly() throws {
        let text =
            "{\"name\": \"a\\u001b[2K\\n\\u202eb\", \"stages\": {\"x\u{1B}[8m\\u009b\": {\"kind\": \"\\u001b]0;x\\u0007\"}}}"
        let error = #expect(throws: ConfigurationError.self) {
            try Experiment.parse(Array(text.utf8), name: "c\u{1B}.json", registry: toys)
        }
        #expect(isHarmless("\(try #require(error))"), "\("\(error as Any)".visible)")
    }

    @Test func pathsOfTheMachineAreHiddenBesideEveryMark() {
        let paths = MachinePaths(store: "/data/store", current: "/home/me/work", home: "/home/me")
        for mark in HiddenMarks.all {
            for slash in HiddenMarks.beside("/", mark) {
                let text = "read \(slash)home/me/secret"
                let hidden = paths.hidden(in: text)
                // What begins a path for the kernel begins one here, unless the mark makes a word of what stands before.
                let begins = slash.unicodeScalars.first == "/"
                if begins { #expect(!hidden.byteText.contains("home/me"), "\(mark.value) \(hidden)") }
            }
        }
    }
}
