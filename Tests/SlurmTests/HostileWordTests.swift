import Base
import Recipes
import Stages
import SystemPackage
import TestSupport
import Testing

@testable import Slurm

/// Job scripts are read by a shell: nothing that is put into them leaves its word.
@Suite struct HostileWordTests {
    @Test func noFolderOfAJobIsACommand() throws {
        let marks = HiddenMarks.few
        // One script for all: the lines of job scripts that name folders.
        var texts: [String] = []
        for mark in marks { texts += HiddenMarks.beside("'", mark).map { "repo\($0);touch PWNED;#" } }
        let scratch = try ScratchFolder()
        let lines = texts.map { "printf '%s\\0' \(ShellWord.quoted($0))" }
        let outcome = try Command("/bin/sh", ["-c", lines.joined(separator: "\n")], scratch: scratch.path)
            .wait()
        let read = outcome.output.byteText.split("\0", keepingEmpty: true).dropLast()
        #expect(read.elementsEqual(texts.map(\.byteText)))
        #expect(try ScratchFolder.files(below: scratch.path).allSatisfy { !$0.byteText.contains("PWNED") })
    }

    /// What the shell makes of the lines of a whole job script that name what somebody else may have named.
    @Test func theLinesOfAScriptNameWhatWasMeant() throws {
        let experiment = try Experiment.parse(
            Array(LaunchPlanTests.text.utf8), name: "k.json", registry: Stages.registry)
        let plan = LaunchPlan(experiment, done: [])
        let scratch = try ScratchFolder()
        for mark in HiddenMarks.few.prefix(30) {
            for quote in HiddenMarks.beside("'", mark) {
                let folder = FilePath("/repo\(quote);touch PWNED;#")
                var site = Site.plain
                site.environment = ["NOTE=it\(quote);touch PWNED;#"]
                let script = JobScript(
                    site: site, resources: Resources(), experiment: "k", program: "d3llm",
                    configuration: folder.appending("experiment.json"), store: folder.appending("store"),
                    workingFolder: folder, logs: folder.appending("logs"), arguments: [])
                let lines = script.text(plan.jobs[1]).byteText.split("\n")
                    .filter { $0.hasPrefix("cd ") || $0.hasPrefix("export ") }
                #expect(lines.count == 2)
                let probe =
                    ["cd() { printf '%s\\0' \"$2\"; }"] + lines.map(\.text) + ["printf '%s' \"$NOTE\""]
                let outcome = try Command(
                    "/bin/sh", ["-c", probe.joined(separator: "\n")], scratch: scratch.path
                ).wait()
                #expect(
                    outcome.output.byteText == "\(folder.string)\0it\(quote);touch PWNED;#".byteText,
                    "\(mark.value)")
            }
        }
    }

    @Test func aFailedCommandIsShownAsAShellTakesIt() {
        for mark in HiddenMarks.all {
            for quote in HiddenMarks.beside("'", mark) {
                let text = ShellWord.quoted("a\(quote);touch x;#").byteText
                // Quotes stand in pairs but for those with a backslash before them.
                let quotes = text.replacing("\\'", with: "").split("'", keepingEmpty: true).count - 1
                #expect(quotes % 2 == 0, "\(mark.value)")
            }
        }
    }
}
