import Synchronization
import Testing

@testable import Pipeline

@Suite struct ProgressTests {
    /// A reporter with a clock that only moves when told to.
    final class Stand: Sendable {
        let written = Mutex("")
        let elapsed = Mutex(Duration.zero)
        let start = ContinuousClock.now
        let style: ProgressReporter.Style

        init(_ style: ProgressReporter.Style) { self.style = style }

        var reporter: ProgressReporter {
            ProgressReporter(
                style: style, now: { [self] in start + elapsed.withLock { $0 } },
                write: { [self] text in written.withLock { $0 += text } })
        }

        func pass(_ seconds: Double) { elapsed.withLock { $0 += .milliseconds(Int(seconds * 1000)) } }
        var text: String { written.withLock { $0 } }
    }

    @Test func aFileGetsALineEveryTenSeconds() {
        let stand = Stand(.plain)
        let reporter = stand.reporter
        reporter.begin("student")
        reporter.beginProgress(total: 3000, unit: "steps", done: 1000)
        for _ in 0..<250 {
            stand.pass(0.1)
            reporter.advance(by: 1, note: "loss 0.53")
        }
        reporter.end("25 s, done")
        #expect(
            stand.text == """
                student: started
                student: 1,100 of 3,000 steps (36%), 10.0 steps/s, 3 min 10 s left, loss 0.53
                student: 1,200 of 3,000 steps (40%), 10.0 steps/s, 3 min 00 s left, loss 0.53
                student: 25 s, done

                """)
    }

    @Test func aTerminalHasOneLineThatIsWrittenOver() {
        let stand = Stand(.init(rewritesLine: true, isColored: true, width: 40))
        let reporter = stand.reporter
        reporter.begin("student")
        stand.pass(1)
        reporter.tick()
        reporter.beginProgress(total: nil, unit: "samples", done: 0)
        stand.pass(0.05)
        reporter.advance(by: 1, note: nil)
        stand.pass(0.95)
        reporter.advance(by: 1, note: "a note that is much too long for this terminal")
        reporter.warn("careful")
        reporter.end("2 s")
        let erase = "\r\u{1B}[K"
        #expect(
            stand.text
                == "\(erase)student: 0.00 s\(erase)student: 1.0 s\(erase)student: 0 samples"
                + "\(erase)student: 2 samples, 2.0 samples/s, a no"
                + "\(erase)\u{1B}[33mwarning: \u{1B}[0mcareful\n" + "\u{1B}[32mstudent\u{1B}[0m: 2 s\n")
    }

    @Test(arguments: [
        (0.004, "0.00 s"), (0.5, "0.50 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"),
        (60, "1 min 00 s"),
        (3599, "59 min 59 s"), (3600, "1 h 00 min"), (90000, "25 h 00 min"), (.infinity, "?"),
        (0.999, "1.00 s"),
    ])
    func durationsAreReadable(seconds: Double, text: String) { #expect(Readable.duration(seconds) == text) }

    @Test func countsAreGrouped() {
        #expect(
            Readable.count(0) == "0" && Readable.count(-1234) == "-1,234"
                && Readable.count(1_000_000) == "1,000,000")
        #expect(
            Readable.rate(0.126) == "0.13" && Readable.rate(12.34) == "12.3"
                && Readable.rate(12345.6) == "12,346")
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z", "19700101T000000Z"),
        (951_826_154, "2000-02-29T12:09:14Z", "20000229T120914Z"),
    ])
    func timestampsAreUTC(seconds: Int, text: String, compact: String) {
        #expect(Timestamp(secondsSince1970: seconds).text == text)
        #expect(Timestamp(secondsSince1970: seconds).compact == compact)
    }
}
