import Files
import JSON
import SystemPackage
import TestSupport
import Testing

/// Export, import and gc of the chain with real models.
@Suite struct ShareCommandTests {
    let command: D3LLMCommand
    var bundle: FilePath { command.scratch.path.appending("run.tar.zst") }
    var other: FilePath { command.scratch.path.appending("other") }

    init() throws {
        command = try D3LLMCommand()
        let outcome = try command(
            "run", D3LLMCommand.micro, "--store", command.store.string, "--only", "vanilla")
        try #require(outcome.code == 0, "\(outcome.log)")
    }

    @discardableResult
    private func ask(_ arguments: String..., code: Int = 0, sourceLocation: SourceLocation = #_sourceLocation)
        throws
        -> String
    {
        let outcome = try command.start(arguments).wait()
        #expect(outcome.code == code, "\(outcome.log)", sourceLocation: sourceLocation)
        return outcome.output + outcome.log
    }

    private func export(_ more: String..., to file: FilePath? = nil) throws -> String {
        let path = (file ?? bundle).string
        let outcome = try command.start(
            ["export", "micro", "--store", command.store.string, "--output", path] + more
        ).wait()
        #expect(outcome.code == 0, "\(outcome.log)")
        return outcome.output
    }

    @Test func withoutWeightsARunCanBeCheckedAndIsNeverTakenForWhole() throws {
        let text = try export()
        #expect(text.contains("4 artifacts, ") && text.contains("1 file of weights"), "\(text)")
        let imported = try ask("import", bundle.string, "--store", other.string)
        #expect(imported.contains("4 artifacts: 4 new\n1 artifact without weights"), "\(imported)")
        #expect(imported.hasSuffix(" --store \(other)\n"), "\(imported)")
        for name in ["micro/teacher", "teacher"] {
            let decoded = try ask("decode", name, "a", "--store", other.string, code: 2)
            #expect(decoded.contains("was imported without its weights. Run its experiment"), "\(decoded)")
        }
        let verified = try ask("verify", "micro", "--store", other.string)
        #expect(verified.contains("left out: model.safetensors ("), "\(verified)")
        #expect(verified.contains("checks that can be made hold; 1 need"), "\(verified)")
        // Samples need the weights.
        let samples = try ask("verify", "micro", "--store", other.string, "--rerun", "2", code: 1)
        #expect(samples.contains("without the weights that were left out"), "\(samples)")
        let plan = try ask("plan", D3LLMCommand.micro, "--store", other.string, "--no-forecast")
        #expect(plan.contains("will run     it was imported without its weights"), "\(plan)")
        let run = try ask("run", D3LLMCommand.micro, "--store", other.string, "--only", "vanilla")
        #expect(run.contains("teacher: started") && run.contains("1 made, 3 cached"), "\(run)")
        #expect(!run.contains("moved to"), "\(run)")
        #expect(try ScratchFolder.hashes(below: other) == ScratchFolder.hashes(below: command.store))
        #expect(try ask("verify", "micro", "--store", other.string, "--rerun", "2").contains("checks hold."))
    }

    @Test func aBundleWithWeightsCompletesOneWithout() throws {
        _ = try export()
        let whole = command.scratch.path.appending("whole.tar.zst")
        _ = try export("--with-weights", to: whole)
        try ask("import", bundle.string, "--store", other.string)
        let text = try ask("import", whole.string, "--store", other.string)
        #expect(
            text.contains("was there already\n4 artifacts: 1 completed with weights, 3 there already"),
            "\(text)")
        #expect(try ask("verify", "micro", "--store", other.string, "--rerun", "3").contains("checks hold."))
        // Without weights again, they stay.
        #expect(try ask("import", bundle.string, "--store", other.string).contains("4 there already"))
        let back = command.scratch.path.appending("back.tar.zst")
        try ask("export", "micro", "--store", other.string, "--with-weights", "--output", back.string)
        #expect(try FileSystem.read(back) == FileSystem.read(whole))
    }

    @Test func weightsThatAreMissingWithoutHavingBeenLeftOutAreDamage() throws {
        _ = try export()
        try ask("import", bundle.string, "--store", other.string)
        let folder = other.appending("micro")
        let teacher = folder.appending(
            try #require(try FileSystem.list(folder).first { $0.hasPrefix("teacher-") }))
        let marker = teacher.appending("incomplete.json")
        let text = try FileSystem.readText(marker)
        // Only weights can be excused.
        try FileSystem.writeAtomically(
            text.replacing("model.safetensors", with: "training.jsonl"), to: marker)
        try FileSystem.remove(teacher.appending("training.jsonl"))
        let verified = try ask("verify", "micro", "--store", other.string, code: 1)
        #expect(verified.contains("Its file training.jsonl is missing"), "\(verified)")
        #expect(verified.contains("Its file model.safetensors is missing"), "\(verified)")
    }

    @Test func whatIsWrongIsToldWithItsCode() throws {
        _ = try export()
        #expect(
            try ask("export", "micro", "--store", command.store.string, "--output", bundle.string, code: 3)
                .contains("is there already"))
        var bytes = try FileSystem.read(bundle)
        bytes[bytes.count / 2] ^= 1
        let damaged = command.scratch.path.appending("damaged.tar.zst")
        try FileSystem.writeAtomically(bytes, to: damaged)
        let text = try ask("import", damaged.string, "--store", other.string, code: 3)
        // Where the bit lies decides whether the archive or what was in it no longer holds.
        #expect(
            text.contains("damaged.tar.zst wasn't unpacked, and nothing of it is kept")
                || text.contains("damaged.tar.zst wasn't imported, and the store is as it was"), "\(text)")
        #expect(
            try ask("import", "nothing.tar.zst", "--store", other.string, code: 3).contains("no such file"))
        #expect(try ask("export", "mikro", "--store", command.store.string, code: 2).contains("micro"))
        #expect(try ask("gc", "--older-than=-1", code: 64).contains("--older-than needs"))
    }

    @Test func gcListsAndRemoves() throws {
        let runs = command.experiment.appending("runs")
        for run in try FileSystem.list(runs) { try FileSystem.remove(runs.appending(run)) }
        let before = try command.listing()
        let list = try ask("gc", "--store", command.store.string)
        #expect(
            list.contains("Artifacts that no run refers to: 4, ") && list.contains("--yes removes"), "\(list)"
        )
        #expect(try command.listing() == before)
        let json = try ask("gc", "--store", command.store.string, "--json")
        let root = try JSONDocument(parsing: Array(json.utf8), name: "gc").root
        // Artifact, note of its place, facts of its files and lock of each of the four stages.
        #expect(root["items"]?.array?.count == 16 && root["removing"]?.bool == false, "\(json)")
        let done = try ask("gc", "--store", command.store.string, "--yes")
        #expect(done.contains("Removed 16 things") && done.contains("0 artifacts stay"), "\(done)")
        #expect(try ScratchFolder.files(below: command.store) == [".d3llm-store", ".locks/gate.lock"])
    }

    @Test func runsGoOnWhileGCRemoves() throws {
        let runs = command.experiment.appending("runs")
        for run in try FileSystem.list(runs) { try FileSystem.remove(runs.appending(run)) }
        let straight = try ScratchFolder.hashes(below: command.store)
        for round in 0..<4 {
            let running = try command.start([
                "run", D3LLMCommand.micro, "--store", command.store.string, "--only", "vanilla", "--force",
                "tokenizer",
            ])
            let collecting = try command.start(["gc", "--store", command.store.string, "--yes"])
            let (run, gc) = (running.wait(), collecting.wait())
            #expect(run.code == 0, "round \(round): \(run.log)")
            #expect(gc.code == 0, "round \(round): \(gc.log)")
            #expect(try ScratchFolder.hashes(below: command.store) == straight)
            for run in try FileSystem.list(runs) { try FileSystem.remove(runs.appending(run)) }
        }
    }
}
