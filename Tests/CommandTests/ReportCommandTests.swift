import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@Suite struct ReportCommandTests {
    let command: D3LLMCommand

    init() throws { command = try D3LLMCommand() }

    private func run(_ only: String) throws {
        let outcome = try command.start([
            "run", D3LLMCommand.micro, "--store", command.store.string, "--only", only,
        ]).wait()
        try #require(outcome.code == 0, "\(outcome.log)")
    }

    @Test func reportLiesInTheRunsFolderAndNothingElseChanges() throws {
        try run("vanilla")
        let before = try command.listing()
        let outcome = try command("report", "micro", "--store", command.store.string, "--threads", "2")
        #expect(outcome.code == 0, "\(outcome.log)")
        let folder = command.experiment.appending("runs")
        let name = try #require(FileSystem.list(folder).last)
        let path = folder.appending(name).appending("report.html")
        let size = try FileSystem.read(path).count
        #expect(
            outcome.output
                == "The report of micro/runs/\(name) is in \(path): 36 of 36 samples, 12 trajectories of 1 methods, \(size) bytes.\n"
        )
        #expect(outcome.log == "report: decoding 12 samples of vanilla again\n")
        let relative = "micro/runs/\(name)/report.html "
        #expect(try command.listing().filter { !$0.hasPrefix(relative) } == before)
        // The page is no part of the run: checks and exports are as before, and a second page is the same.
        let first = try FileSystem.read(path)
        #expect(try command("verify", "micro", "--store", command.store.string).code == 0)
        #expect(try command("report", "micro", "--store", command.store.string).code == 0)
        #expect(try FileSystem.read(path) == first)
    }

    @Test func importedRunWithoutWeightsSaysWhyItHasNoTrajectories() throws {
        try run("vanilla")
        let bundle = command.scratch.path.appending("run.tar.zst").string
        let other = command.scratch.path.appending("other").string
        let page = command.scratch.path.appending("page.html")
        #expect(try command("export", "micro", "--store", command.store.string, "--output", bundle).code == 0)
        #expect(try command("import", bundle, "--store", other).code == 0)
        let outcome = try command("report", "micro", "--store", other, "--output", page.string, "--json")
        #expect(outcome.code == 0, "\(outcome.log)")
        let root = try JSONDocument(parsing: Array(outcome.output.utf8), name: "json").root
        #expect(root["trajectories"]?["count"]?.int == 0)
        #expect(root["samples"]?["shown"]?.int == 36)
        #expect(root["file"]?.string == page.string)
        let html = try FileSystem.readText(page)
        #expect(html.contains("The weights of teacher (model.safetensors) were left out of the bundle"))
    }

    @Test func wrongNamesAndPlacesAreTold() throws {
        #expect(try command("report", "nobody", "--store", command.store.string).code == 2)
        #expect(try command("report", "nobody", "--threads", "0").code == 64)
        try run("problems")
        let folder = command.scratch.path.appending("missing/page.html").string
        let outcome = try command("report", "micro", "--store", command.store.string, "--output", folder)
        #expect(outcome.code == 3, "\(outcome.log)")
        #expect(
            outcome.log.contains("missing") && outcome.log.contains("the folder exists"), "\(outcome.log)")
    }

    @Test func runThatWasKilledIsRefusedWithItsReason() throws {
        try run("problems")
        let folder = command.experiment.appending("runs")
        let name = try #require(FileSystem.list(folder).last)
        try FileSystem.remove(folder.appending(name).appending("run.json"))
        let outcome = try command("report", folder.appending(name).string, "--store", command.store.string)
        #expect(outcome.code == 3)
        #expect(outcome.log.contains("still goes on or was killed"), "\(outcome.log)")
    }
}
