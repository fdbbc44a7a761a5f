import Files
import JSON
import SystemPackage
import TestSupport
import Testing

/// Published tables beside numbers of real runs.
@Suite struct TableCommandTests {
    let command: D3LLMCommand
    let config: String
    let published: FilePath

    init() throws {
        command = try D3LLMCommand()
        config = try command.config(
            """
            {"name": "tiny/numbers", "stages": {
              "problems": {"kind": "synthesize", "train": 8, "test": 6, "steps": 1},
              "tokenizer": {"kind": "tokenizer", "corpus": "@problems"},
              "teacher": {"kind": "pretrain", "data": "@problems", "tokenizer": "@tokenizer",
                "model": {"layers": 1, "width": 16, "heads": 2, "feedForwardWidth": 16},
                "phases": [{"name": "only", "steps": 1, "mixture": [{"objective": "llada", "rows": 1}]}]},
              "vanilla-words": {"kind": "evaluate", "model": "@teacher", "data": "@problems",
                "decoder": {"method": "vanilla", "generationLength": 16, "blockLength": 8}}}}
            """)
        published = command.scratch.path.appending("published")
        try FileSystem.createDirectory(published)
        try FileSystem.writeAtomically(
            """
            { "benchmarks": { "words": { "problems": 6, "reason": "all of them" } }, "tables": {},
              "metrics": {
                "accuracy": { "tolerance": 2, "unit": "points", "noise": "binomial", "reason": "r" },
                "TPS": { "noise": "machine", "reason": "another machine" } } }
            """, to: published.appending("tolerances.json"))
    }

    private func publish(accuracy: Double) throws {
        try FileSystem.writeAtomically(
            """
            { "name": "words", "title": "Words", "work": "Tiny", "role": "table", "sourceTable": "Table 1",
              "source": "tiny.pdf", "experiment": "tiny/numbers", "metrics": ["accuracy", "TPS"],
              "attributes": {}, "columns": { "words": { "label": "Words", "attributes": { "benchmark": "words" } } },
              "rows": { "vanilla": { "label": "vanilla", "attributes": {},
                "cells": { "words": { "accuracy": \(accuracy), "TPS": 7 } } } } }
            """, to: published.appending("words.json"))
    }

    private func table(_ arguments: String...) throws -> Command.Outcome {
        try command.start(
            ["table"] + arguments + [
                "--published", published.string, "--store", command.store.string,
            ]
        ).wait()
    }

    @Test func verdictsOfARealRunDecideTheExitCode() throws {
        try publish(accuracy: 0)
        let before = try table("words")
        #expect(before.code == 0 && before.output.contains("1 not run, 1 not comparable"), "\(before.log)")
        #expect(try table("words", "--require-run").code == 1)

        let run = try command.start(["run", config, "--store", command.store.string]).wait()
        try #require(run.code == 0, "\(run.log)")
        let json = try table("words", "--json").output
        let root = try JSONDocument(parsing: Array(json.utf8), name: "json").root
        let measured = try #require(root["entries"]?.array?.first?["reproduced"]?.double)
        try publish(accuracy: measured)
        let same = try table("words", "--require-run")
        #expect(same.code == 0 && same.output.contains("1 match, 1 not comparable"), "\(same.output)")
        try publish(accuracy: measured < 50 ? 100 : 0)
        let other = try table("words", "--run", "tiny/numbers")
        #expect(other.code == 1 && other.output.contains("1 differs, 1 not comparable"), "\(other.output)")
    }

    @Test func whatIsNotThereIsNamed() throws {
        try publish(accuracy: 0)
        let table = try table("word")
        #expect(table.code == 2 && table.log.contains("Did you mean \"words\"?"))
        let run = try self.table("words", "--run", "nothing")
        #expect(run.code == 2 && run.log.contains("No experiment has run"))
        let folder = try command("table", "words", "--published", "/nonexistent")
        #expect(folder.code == 2 && folder.log.contains("--published"))
        try FileSystem.writeAtomically("{", to: published.appending("words.json"))
        let damaged = try self.table("words")
        #expect(damaged.code == 3 && damaged.log.contains("words.json:1:2"))
    }

    @Test func theListAndATableAreAsRecorded() throws {
        try publish(accuracy: 12.5)
        for (arguments, name) in [([], "table-list"), (["words"], "table-words")] {
            let outcome = try command.start(
                ["table"] + arguments + ["--published", published.string, "--store", command.store.string]
            ).wait()
            #expect(
                try outcome.output == Snapshots.recorded("command/\(name).txt", now: outcome.output))
        }
    }

    @Test func aTableCanBeLaidOutAsInThePaper() throws {
        try publish(accuracy: 12.5)
        let published = try table("words", "--layout", "paper")
        #expect(
            published.code == 0 && published.output.contains("Method   Acc. (%)  tokens/s"),
            "\(published.output)")
        #expect(published.output.contains("vanilla      12.5         7"))
        let run = try command.start(["run", config, "--store", command.store.string]).wait()
        try #require(run.code == 0, "\(run.log)")
        // The run's numbers where one is named, and then only those of the same thing.
        #expect(try table("words", "--layout", "paper").output == published.output)
        let measured = try table("words", "--layout", "paper", "--run", "tiny/numbers", "--format", "csv")
        #expect(measured.code == 0, "\(measured.log)")
        let lines = measured.output.split(separator: "\n")
        #expect(
            lines.first
                == "Method,Words: Acc. (%),Words: Acc. (%) lower,Words: Acc. (%) upper,Words: tokens/s")
        #expect(lines.last?.hasPrefix("vanilla,") == true && lines.last?.hasSuffix(",") == true)
        // It compares no methods, so that it has no table of its own.
        let own = try table("--run", "tiny/numbers")
        #expect(own.code == 2 && own.log.contains("no comparison of methods"), "\(own.log)")
        let named = try table("tiny/numbers", "--layout", "paper")
        #expect(named.code == 2 && named.log.contains("d3llm table --run tiny/numbers"), "\(named.log)")
    }

    @Test(arguments: [
        (["--layout", "paper"], "needs the name of a table or a run"),
        (["--layout", "verdicts", "--run", "a"], "needs the name of a table"),
        (["words", "--layout", "paper", "--require-run"], "without --layout paper"),
        (["words", "--layout", "papers"], "papers"),
    ])
    func layoutsThatMeanNothingAreRefused(arguments: [String], message: String) throws {
        let outcome = try command.start(["table"] + arguments + ["--published", published.string]).wait()
        #expect(outcome.code == 64 && outcome.log.contains(message), "\(outcome.log)")
    }

    /// The repository's own tables, in every format.
    @Test(arguments: ["text", "markdown", "csv", "latex", "html", "json"])
    func everyPublishedTableCanBeWritten(format: String) throws {
        let folder = D3LLMCommand.root.appending("configs").appending("published").string
        for name in ["d3llm-llada", "d2f-table3", "dinfer", "d3llm-components"] {
            let outcome = try command(
                "table", name, "--format", format, "--published", folder, "--store", command.store.string)
            #expect(outcome.code == 0 && !outcome.output.isEmpty, "\(outcome.log)")
            let paper = try command(
                "table", name, "--layout", "paper", "--format", format, "--published", folder, "--store",
                command.store.string)
            #expect(paper.code == 0 && !paper.output.isEmpty, "\(paper.log)")
        }
    }

    @Test func theLeaderboardPrintsItsTable() throws {
        let folder = D3LLMCommand.root.appending("configs").appending("published").string
        let outcome = try command("leaderboard", "--published", folder)
        let committed = D3LLMCommand.root.pushing("experiments/leaderboard/results/table.txt")
        #expect(try outcome.code == 0 && outcome.output == FileSystem.readText(committed))
        let full = try command("leaderboard", "--published", folder, "--output", "/dev/null/results")
        #expect(full.code == 3 && full.log.contains("/dev/null/results"))
    }

    @Test func coverageIsAsRecorded() throws {
        let folder = D3LLMCommand.root.appending("configs").appending("published").string
        let outcome = try command("coverage", "--published", folder)
        #expect(outcome.code == 0, "\(outcome.log)")
        #expect(try outcome.output == Snapshots.recorded("command/coverage.txt", now: outcome.output))
        let json = try command("coverage", "--published", folder, "--json").output
        let root = try JSONDocument(parsing: Array(json.utf8), name: "json").root
        #expect(root["kinds"]?["claim"]?["tested at mini scale"]?["count"]?.int == 12)
    }
}
