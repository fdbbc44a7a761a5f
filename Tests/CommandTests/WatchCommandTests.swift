import Files
import JSON
import SystemPackage
import TestSupport
import Testing

/// `watch` beside a run.
@Suite struct WatchCommandTests {
    let command: D3LLMCommand

    init() throws { command = try D3LLMCommand() }

    @Test func aRunIsFollowedToItsEnd() throws {
        let store = ["--store", command.store.string]
        let run = try command.start(
            ["run", D3LLMCommand.micro, "--only", "randomSingle", "--no-forecast"] + store)
        while !FileSystem.exists(command.experiment.appending("runs")) {
            try #require(run.poll() == nil, "the run ended before it began")
        }
        // The folder of the run comes with its first stage.
        var watched: Command.Outcome?
        while watched == nil {
            let outcome = try command.start(["watch", "--json"] + store).wait()
            if outcome.code != 2 { watched = outcome }
        }
        let events = try #require(watched).output.split(separator: "\n").map { line in
            JSONValue(try JSONDocument(parsing: Array(line.utf8), name: "event").root)
        }
        #expect(run.wait().code == 0)
        #expect(watched?.code == 0, "\(String(describing: watched?.log))")
        let end = try #require(events.last)
        #expect(end["event"] == "end" && end["status"] == "finished", "\(end)")
        #expect(
            events.contains { $0["event"] == "stage" && $0["stage"] == "tokenizer" && $0["state"] == "done" })
        // Nothing of the watching or of the progress is left.
        let name = try #require(FileSystem.list(command.experiment.appending("runs")).first)
        let folder = command.experiment.appending("runs").appending(name)
        #expect(try FileSystem.list(folder).sorted() == ["experiment.json", "log.txt", "run.json"])

        let once = try command("watch", "micro", "--once", "--store", command.store.string)
        #expect(once.code == 0)
        #expect(once.output.hasPrefix("micro/runs/\(name): finished after "), "\(once.output)")
        #expect(once.output.contains("done: randomSingle[threshold=0.5]: TPF "))
        let unknown = try command("watch", "nobody", "--store", command.store.string)
        #expect(unknown.code == 2, "\(unknown.log)")
    }

    @Test func aKilledRunIsShownAndReportedAsFarAsItCame() throws {
        let store = ["--store", command.store.string]
        let run = try command.start(
            ["run", D3LLMCommand.micro, "--only", "student", "--no-forecast"] + store)
        #expect(run.waitForLog("teacher: started") == nil)
        command.waitForProgress(run, changes: 2)
        run.send(9)
        _ = run.wait()
        let once = try command.start(["watch", "--once"] + store).wait()
        #expect(once.code == 0 && once.output.contains("done: problems: 24 problems"), "\(once.output)")
        #expect(once.output.contains("open: "), "\(once.output)")
        let page = command.scratch.path.appending("page.html")
        let report = try command.start(["report", "micro", "--output", page.string] + store).wait()
        #expect(report.code == 0, "\(report.log)")
        #expect(try FileSystem.readText(page).contains("The run goes on, or was killed: "))
    }
}
