import Synchronization
import Testing

@testable import ArtifactStore
@testable import Recipes
@testable import Runs

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
        var seconds: Double { elapsed.withLock { $0 / .seconds(1) } }
    }

    @Test func aFileGetsALineEveryTenSeconds() {
        let stand = Stand(.plain)
        let reporter = stand.reporter
        let student = reporter.begin("student")
        let table = reporter.begin("table")
        reporter.beginStretch(student, total: 3000, unit: "steps", done: 1000)
        for _ in 0..<250 {
            stand.pass(0.1)
            reporter.advance(student, by: 1, note: "loss 0.53")
            if stand.seconds == 12 { reporter.end(table, "12 s, 4 rows") }
        }
        reporter.end(student, "25 s, done")
        #expect(
            stand.text == """
                student: started
                table: started
                student: 1,100 of 3,000 steps (36%), 10.0 steps/s, 3 min 10 s left, loss 0.53
                table: 10 s
                table: 12 s, 4 rows
                student: 1,200 of 3,000 steps (40%), 10.0 steps/s, 3 min 00 s left, loss 0.53
                student: 25 s, done

                """)
    }

    @Test func aTerminalHasALinePerRunningStageBelowTheLog() {
        let stand = Stand(.init(rewritesLines: true, isColored: true, columns: 60))
        let reporter = stand.reporter
        let student = reporter.begin("student")
        let curve = reporter.begin("curve", waiting: "waiting for process 7")
        stand.pass(1)
        reporter.beginStretch(student, total: 4, unit: "steps", done: 0)
        stand.pass(1)
        reporter.advance(student, by: 1, note: "a note that is much too long for this terminal")
        reporter.warn("careful")
        reporter.end(curve)
        reporter.end(student, "2 s")
        let one = "\r\u{1B}[J"
        let two = "\r\u{1B}[1A\u{1B}[J"
        let curveLine = "curve    waiting for process 7"
        let studentLine = "student  ███░░░░░░░░░░  25%  1 of 4 steps, 1.0 steps/s, 3.0"
        #expect(
            stand.text
                == [
                    "student  0.00 s", one, "student  0.00 s\n", curveLine, two,
                    "student  ░░░░░░░░░░░░░   0%  0 of 4 steps\n", curveLine, two, studentLine, "\n",
                    curveLine, two,
                    "\u{1B}[33mwarning: \u{1B}[0mcareful\n", studentLine, "\n", curveLine, two, studentLine,
                    one,
                    "\u{1B}[32mstudent\u{1B}[0m: 2 s\n",
                ].joined(), "\(stand.text)")
    }

    @Test func aNarrowerTerminalIsErasedByItsRows() {
        let columns = Mutex(80)
        let stand = Stand(
            .init(rewritesLines: true, isColored: false, isUnicode: false) { (columns.withLock { $0 }, 24) })
        let reporter = stand.reporter
        let student = reporter.begin(String(repeating: "x", count: 26))
        columns.withLock { $0 = 21 }
        reporter.end(student, "done")
        // 34 characters take two rows of 21.
        #expect(stand.text.contains("\r\u{1B}[1A\u{1B}[J"), "\(stand.text)")
    }

    @Test func moreStagesThanRowsAreCounted() {
        let now = ContinuousClock.now
        let stages = (1...9).map { RunningStage(.init(number: $0), label: "s\($0)", now: now) }
        let lines = ProgressRenderer(isUnicode: false).liveLines(stages, columns: 40, rows: 6, now: now)
        #expect(lines == ["s1  0.00 s", "s2  0.00 s", "s3  0.00 s", "and 6 more"])
    }

    @Test func barsAndLabelsFitAnyTerminal() {
        let now = ContinuousClock.now
        for columns in [1, 20, 40, 79, 200] {
            for share in [0, 1, 50, 99, 100, 150] {
                var stage = RunningStage(
                    .init(number: 0), label: "[1/20] curve[threshold=0.25,delay=2]", now: now)
                stage.stretch = .init(total: 100, unit: "samples", inherited: 0, done: share, start: now)
                for isUnicode in [true, false] {
                    let lines = ProgressRenderer(isUnicode: isUnicode).liveLines(
                        [stage], columns: columns, rows: 5, now: now + .seconds(3))
                    #expect(lines.count == 1 && lines[0].count <= max(20, columns - 1), "\(lines)")
                }
            }
        }
        #expect(ProgressRenderer.fitted("curve[threshold=0.25]", 12) == "curve…=0.25]")
    }

    @Test func theRecordHasEveryLineThatStaysAndOneAMinute() {
        let stand = Stand(.init(rewritesLines: true, isColored: true))
        let recorded = Mutex("")
        let reporter = stand.reporter
        reporter.copy(to: { text in recorded.withLock { $0 += text + "\n" } })
        let student = reporter.begin("student")
        for _ in 0..<13 {
            stand.pass(5)
            reporter.tick()
        }
        reporter.warn("careful")
        reporter.end(student, "65 s")
        reporter.copy(to: nil)
        reporter.log("afterwards")
        #expect(
            recorded.withLock { $0 }
                == "student: started\nstudent: 1 min 00 s\nwarning: careful\nstudent: 65 s\n")
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
