import Base
import Files
import SystemPackage
import TestSupport
import Testing

@testable import Sandbox

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Programs that run with the rights of the user.
@Suite struct OpenProcessTests {
    private func run(
        _ script: String, environment: [String] = ["PATH=/usr/bin:/bin"], seconds: Int = 600,
        isStopped: () -> Bool = { false }
    ) throws -> (ending: OpenProcess.Ending, printed: String) {
        let scratch = try ScratchFolder()
        let process = OpenProcess(
            "/bin/sh", ["sh", "-c", script], environment: environment, in: scratch.path, seconds: seconds)
        var printed: [UInt8] = []
        let ending = try process.run(isStopped: isStopped) { printed += $0 }
        return (ending, String(decoding: printed, as: UTF8.self))
    }

    @Test func howItEnds() throws {
        #expect(try run("exit 0").ending == .exit(0))
        #expect(try run("exit 17").ending == .exit(17))
        #expect(try run("kill -TERM $$").ending == .signal(15))
        #expect(try run("while :; do sleep 1; done", seconds: 1).ending == .timeLimit)
        let none = OpenProcess("/nowhere", ["x"], environment: [], in: "/", seconds: 1)
        #expect(try none.run(isStopped: { false }, hear: { _ in }) == .notStarted(.noSuchFileOrDirectory))
    }

    @Test func allThatItPrintsIsHeard() throws {
        let result = try run("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i + 1)); done; echo end >&2")
        #expect(result.ending == .exit(0))
        let lines = result.printed.byteText.split("\n").map(\.text)
        #expect(lines.count == 20001 && lines.first == "line 0" && lines.last == "end")
    }

    /// No more than the three descriptors, no terminal, nothing to read, no variable but those that it was given.
    @Test func whatItHas() throws {
        let result = try run(
            "ls /proc/self/fd | tr '\\n' ' '; cat; env | sort | tr '\\n' ' '; tty",
            environment: ["PATH=/usr/bin:/bin", "A=b c"])
        // ls has the folder open besides.
        #expect(result.printed.byteText.hasPrefix("0 1 2 3 A=b c "), "\(result.printed)")
        #expect(result.printed.byteText.contains("not a tty"))
    }

    @Test func aProgramThatClosesWhatItPrintsToGoesOn() throws {
        let result = try run("echo a; exec >&- 2>&-; sleep 0.3; exit 5")
        #expect(result.ending == .exit(5) && result.printed == "a\n")
    }

    /// What it leaves behind ends with it, also what has a session of its own.
    @Test func whatItStartedEndsWithIt() throws {
        let result = try run(
            "setsid sleep 100000 & echo $!; while ! pgrep -s $! > /dev/null; do sleep 0.01; done")
        #expect(result.ending == .exit(0))
        let process = try #require(pid_t(result.printed.byteText.trimmed.text))
        #expect(kill(process, 0) != 0)
    }

    @Test func itIsEndedWhenItsCallerSaysSo() throws {
        var asked = 0
        let result = try run("trap '' TERM HUP INT; while :; do sleep 1; done") {
            asked += 1
            return asked > 3
        }
        #expect(result.ending == .stopped)
    }
}
