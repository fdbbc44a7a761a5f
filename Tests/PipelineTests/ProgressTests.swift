import Files
import JSON
import Synchronization
import SystemPackage
import TestSupport
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

    @Test func ratesAreThoseOfTheLastHalfMinute() {
        let stand = Stand(.plain)
        let reporter = stand.reporter
        let student = reporter.begin("student")
        reporter.beginStretch(student, total: 5000, unit: "steps", done: 0)
        func pass(_ seconds: Int, rate: Int) {
            for _ in 0..<seconds {
                stand.pass(1)
                reporter.advance(student, by: rate, note: nil)
            }
        }
        pass(100, rate: 20)
        pass(40, rate: 5)
        // 2,200 steps in 140 s, but 5 a second lately.
        #expect(
            stand.text.contains("2,200 of 5,000 steps (44%), 5.0 steps/s, 9 min 20 s left\n"), "\(stand.text)"
        )
        // A few steps in a long time say it only together with all before.
        let slow = reporter.begin("slow")
        reporter.beginStretch(slow, total: 10, unit: "steps", done: 0)
        for _ in 0..<4 {
            stand.pass(60)
            reporter.advance(slow, by: 1, note: nil)
        }
        #expect(
            stand.text.contains("slow: 4 of 10 steps (40%), 0.02 steps/s, 6 min 00 s left\n"),
            "\(stand.text)")
    }

    @Test func lossIsSeenInEightyColumns() {
        let now = ContinuousClock.now
        func line(_ label: String, columns: Int) -> String {
            var stage = RunningStage(.init(number: 0), label: label, now: now)
            stage.stretch = .init(total: 3800, unit: "steps", inherited: 0, done: 0, start: now)
            stage.stretch?.advance(by: 1352, now + .seconds(178))
            stage.note = "joint loss 0.326"
            return ProgressRenderer(isUnicode: false).liveLines(
                [stage], columns: columns, rows: 5, now: now + .seconds(178))[0]
        }
        #expect(
            line("[3/9] teacher", columns: 120)
                == "[3/9] teacher  #######-------------  35%  1,352 of 3,800 steps, 7.6 steps/s, 5 min 22 s left, joint loss 0.326"
        )
        #expect(
            line("[3/9] teacher", columns: 80)
                == "[3/9] teacher  35%  1,352/3,800, 7.6/s, 5 min 22 s left, joint loss 0.326")
        #expect(
            line("[13/100] student[steps=40]", columns: 80)
                == "[13/100] student[steps=40]  35%  1,352/3,800, 5 min 22 s left, joint loss 0.326")
        #expect(
            line("[13/100] student[steps=40]", columns: 66).hasSuffix("35%  1,352/3,800, joint loss 0.326"))
    }

    @Test func theWholeRunHasALineBelowItsStages() {
        let stand = Stand(.init(rewritesLines: true, isColored: false, columns: 60))
        let reporter = stand.reporter
        let student = reporter.begin("student")
        reporter.tell(whole: "3 of 11 stages done, about 4 min left in all")
        stand.pass(1)
        reporter.tick()
        #expect(
            stand.text.hasSuffix("student  1.0 s\n3 of 11 stages done, about 4 min left in all"),
            "\(stand.text)")
        reporter.tell(whole: nil)
        reporter.end(student, "2 s")
        #expect(stand.text.hasSuffix("\u{1B}[1A\u{1B}[Jstudent: 2 s\n"), "\(stand.text)")
    }

    @Test func theTimeThatIsLeftIsTheForecastsAtThePaceSoFar() {
        func left(made: Set<String>, _ running: [(String, Double?, Double)], elapsed: Double) -> Double? {
            RemainingTime(
                forecasts: ["a": 100, "b": 200, "c": 100], all: ["a", "b", "c"], made: made,
                running: running.map { (stage: $0.0, share: $0.1, seconds: $0.2) }, elapsed: elapsed
            ).seconds
        }
        #expect(left(made: [], [], elapsed: 0) == 400)
        // Half of the work took 100 s where 200 s were forecast.
        #expect(left(made: ["a"], [("b", 0.5, 50)], elapsed: 100) == 100)
        // Without a count it goes by the time, and never comes to the end before the stage does.
        #expect(left(made: ["a"], [("b", nil, 100)], elapsed: 200) == 200)
        #expect(left(made: [], [("a", nil, 1000)], elapsed: 950) == 3050)
        #expect(
            RemainingTime(forecasts: ["a": 1], all: ["a", "b"], made: [], running: [], elapsed: 0).seconds
                == nil)
    }

    @Test func progressIsReadFromTheRunsFolderWhateverLiesThere() throws {
        let scratch = try ScratchFolder()
        #expect(RunProgress(of: scratch.path) == nil)
        let stage = RunProgress.Stage(
            stage: "student", fingerprint: String(repeating: "a", count: 64), waiting: nil, unit: "steps",
            done: 30,
            total: 60, perSecond: 2.5, secondsLeft: 12, note: "loss 0.5", seconds: 12)
        let progress = RunProgress(
            time: "2026-11-30T10:00:00Z", seconds: 20, secondsLeft: 240, all: 11, done: 3, stages: [stage])
        progress.write(to: scratch.path)
        let read = try #require(RunProgress(of: scratch.path))
        #expect(read.value == progress.value && read.stages.first?.share == 0.5)
        #expect(read.line == "3 of 11 stages done, about 4 min 00 s left in all")
        #expect(try FileSystem.list(scratch.path) == ["progress.json"])
        let path = scratch.path.appending("progress.json")
        for text in ["", "{", "[]", #"{"format": 2}"#, #"{"format": 1, "time": "t", "stages": {"all": 1}}"#] {
            try FileSystem.writeAtomically(text, to: path)
            #expect(RunProgress(of: scratch.path) == nil, "\(text)")
        }
        try FileSystem.writeAtomically(
            #"{"format": 1, "time": "t", "stages": {"all": 1, "done": 0}, "running": [1, {"stage": "a", "fingerprint": "../x"}]}"#,
            to: path)
        #expect(RunProgress(of: scratch.path)?.stages.isEmpty == true)
        RunProgress.remove(from: scratch.path)
        #expect(try FileSystem.list(scratch.path).isEmpty)
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
