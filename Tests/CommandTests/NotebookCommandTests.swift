import Files
import JSON
import SystemPackage
import TestSupport
import Testing

/// A run, recorded with the script that people use, and a notebook of it.
@Suite struct NotebookCommandTests {
    let command: D3LLMCommand
    let notebook: FilePath
    let results: FilePath

    static let text = """
        # Quick

        <!-- d3llm: run results -->
        <!-- /d3llm -->

        <!-- d3llm: repeat results -->
        <!-- /d3llm -->

        Version <!-- d3llm: value results/tokenizer-artifact.json[format] --><!-- /d3llm --> of the record.
        """

    init() throws {
        command = try D3LLMCommand()
        notebook = command.scratch.path.appending("README.md")
        results = command.scratch.path.appending("results")
        let config = try command.config(
            """
            {"name": "quick", "stages": {
              "problems": {"kind": "synthesize", "train": 40, "test": 8},
              "tokenizer": {"kind": "tokenizer", "corpus": "@problems"}}}
            """)
        let run = try command("run", config, "--store", command.store.string)
        try #require(run.code == 0, "\(run.log)")
        let recorded = try record("quick", results.string, "tokenizer")
        try #require(recorded.code == 0, "\(recorded.log)")
        try FileSystem.writeAtomically(Self.text, to: notebook)
    }

    private func record(_ arguments: String...) throws -> Command.Outcome {
        let script = D3LLMCommand.root.appending("scripts").appending("record-results.sh").string
        return try command.started("/bin/bash", [script, command.store.string] + arguments).wait()
    }

    private func ask(_ more: String...) throws -> Command.Outcome {
        try command.start(["notebook", notebook.string, "--store", command.store.string] + more).wait()
    }

    private func edit(_ path: FilePath, _ old: String, _ new: String) throws {
        try FileSystem.writeAtomically(try FileSystem.readText(path).replacing(old, with: new), to: path)
    }

    @Test func staleBlocksFailTheCheckAndRenderingMendsThem() throws {
        let stale = try ask("--check")
        #expect(stale.code == 1)
        #expect(stale.output.contains("\(notebook):3:1: stale: The run is empty yet."))
        #expect(stale.output.contains("Mend it with: d3llm notebook \(notebook)\n"))
        #expect(try FileSystem.readText(notebook) == Self.text)
        #expect(try ask().code == 0)
        let text = try FileSystem.readText(notebook)
        #expect(text.contains("\n* run: `quick/runs/20") && text.contains("make record RUN=quick\n"))
        #expect(
            text.contains(
                "Version <!-- d3llm: value results/tokenizer-artifact.json[format] -->1<!-- /d3llm --> of"))
        let fresh = try ask("--check")
        #expect(fresh.code == 0)
        #expect(
            fresh.output
                == "\(notebook): 3 blocks; all as recorded; 1 folder of results checked against digests; 1 run compared with the store.\n"
        )
        let json = try JSONDocument(parsing: Array(try ask("--check", "--json").output.utf8), name: "json")
            .root
        #expect(json["notebooks"]?.array?.first?["comparedRuns"]?.array?.count == 1)
    }

    @Test func aWrongMarkerAndAMissingNotebookAreTold() throws {
        try edit(notebook, "d3llm: run", "d3llm: runs")
        let wrong = try ask("--check")
        #expect(wrong.code == 2)
        #expect(
            wrong.output.contains(
                "\(notebook):3:1: marker: No marker is called \"runs\". Did you mean \"run\"?"))
        #expect(try command("notebook", "nowhere.md").code == 3)
        #expect(try command("notebook").code == 64)
    }

    @Test func changedResultsAreNotRendered() throws {
        #expect(try ask().code == 0)
        try edit(results.appending("tokenizer_config.json"), "{", "{ ")
        let outcome = try ask()
        #expect(outcome.code == 3)
        #expect(outcome.output.contains("tokenizer_config.json isn't what the run made"))
    }

    @Test func resultsThatTheStoreContradictsAreTold() throws {
        #expect(try ask().code == 0)
        let names = try FileSystem.list(command.store.appending("quick"))
        let name = try #require(names.first { $0.hasPrefix("tokenizer-") })
        let file = command.store.appending("quick").appending(name).appending("tokenizer_config.json")
        let text = try FileSystem.readText(file)
        try FileSystem.writeAtomically(String(text.dropLast()) + " ", to: file)
        let outcome = try ask("--check")
        #expect(outcome.code == 3)
        #expect(outcome.output.contains("in the store isn't what"), "\(outcome.output)")
        // What the store has lost says nothing against what was recorded.
        try FileSystem.remove(command.store.appending("quick"))
        #expect(try ask("--check").code == 0)
    }

    @Test func filesOfARunInTheStoreCanBeShown() throws {
        func value(_ place: String) throws -> Command.Outcome {
            try FileSystem.writeAtomically("A <!-- d3llm: value \(place) --><!-- /d3llm -->.", to: notebook)
            return try ask()
        }
        let outcome = try value("run:quick@tokenizer/tokenizer_config.json[tokenizer_class]")
        #expect(outcome.code == 0, "\(outcome.output)")
        #expect(try !FileSystem.readText(notebook).contains("--><!--"))
        #expect(try value("run:quick@tokeniser/a.json[b]").output.contains("Did you mean \"tokenizer\"?"))
        #expect(
            try value("run:quick@tokenizer/tokenizer.jsn[b]").output.contains(
                "Did you mean \"tokenizer.json\"?"))
        #expect(try value("run:quik@tokenizer/tokenizer.json[b]").output.contains("Did you mean \"quick\"?"))
    }

    @Test func recordingAgainGivesTheSameBytesAndDropsWhatIsLeftOver() throws {
        let before = try ScratchFolder.files(below: results)
        let sums = try FileSystem.readText(results.appending("SHA256SUMS"))
        #expect(try record("quick", results.string, "tokenizer").code == 0)
        #expect(try FileSystem.readText(results.appending("SHA256SUMS")) == sums)
        #expect(try record("quick", results.string, "problems").code == 0)
        let after = try ScratchFolder.files(below: results)
        #expect(
            after != before && !after.contains("tokenizer.json") && after.contains("problems-artifact.json"))
        #expect(try record("quick", results.string, "nothing").code == 1)
        #expect(try ScratchFolder.files(below: results) == after)
        #expect(try record("nobody", results.string).log.contains("has no record of a run"))
    }
}
