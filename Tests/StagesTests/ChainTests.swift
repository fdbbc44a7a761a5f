import ArtifactStore
import Files
import JSON
import Measures
import Numerics
import Runs
import SystemPackage
import TestSupport
import Testing
import Tokenizers
import Transformers

@testable import DecodingStages
@testable import ModelStages

@Suite struct ChainTests {
    @Test func theWholeChainGivesArtifactsThatCanBeRead() throws {
        let micro = try MicroExperiment()
        let outcome = try micro.run()
        #expect(outcome.stages.count == 28)
        let students = ["student", "randomStudent", "d2fStudent", "dparallelStudent", "adapterStudent"]
        for stage in ["teacher", "autoregressive", "retrained"] + students {
            let folder = try #require(outcome.artifact(stage)).folder
            let model = try LoadedModel(folder)
            #expect(model.tokens.tokenizer.vocabularySize == model.configuration.vocabulary)
            let log = try FileSystem.readText(folder.appending("training.jsonl")).split(separator: "\n")
            for line in log {
                let root = try JSONDocument(parsing: Array(line.utf8), name: stage).root
                #expect(root["loss"]?.double?.isFinite == true)
            }
            #expect(!log.isEmpty)
        }
        try checkTrajectories(#require(outcome.artifact("trajectories")))
        try checkTrajectories(#require(outcome.artifact("byEntropy")))
        // The order of decoding is another one.
        let orders = try ["trajectories", "byEntropy"].map {
            try Journal.read(#require(outcome.artifact($0)).folder.appending("trajectories.jsonl")).map {
                try #require(TrajectoryRecord($0.value)).unmaskStep
            }
        }
        #expect(orders[0] != orders[1])
        let evaluations = outcome.stages.filter {
            $0.artifact.record.type == "samples" && $0.stage != "hot"
        }
        #expect(evaluations.count == 13)
        for evaluation in evaluations { try checkMetrics(evaluation.artifact) }
        // Students learned something else than their teacher knew, and than one another.
        let weights = try (["teacher", "retrained"] + students).map {
            try SHA256.hex(ofFile: #require(outcome.artifact($0)).folder.appending("model.safetensors"))
        }
        #expect(Set(weights).count == 7)
        try checkAdapter(outcome)
        let report = try #require(outcome.reports.first)
        #expect(report.path == outcome.artifact("table")?.folder.appending("table.txt"))
        for label in ["autoregressive", "vanilla", "Fast-dLLM", "random mask", "d3LLM + KV cache"] {
            #expect(report.text.contains("\n\(label) "), "\(report.text)")
        }
        #expect(try micro.halfWritten() == [])
    }

    /// The student's weights are the teacher's with the adapter that lies beside them.
    private func checkAdapter(_ outcome: RunOutcome) throws {
        let folder = try #require(outcome.artifact("adapterStudent")).folder
        let teacher = try LoadedModel(#require(outcome.artifact("teacher")).folder).transformer
        let adapter = try LoRAAdapter(
            folder.appending("adapter"), for: teacher.configuration, LLaDAFamily.self)
        #expect(adapter.rank == 4 && adapter.pairs.count == 4 * teacher.configuration.layers)
        let merged = FlatParameters(copying: teacher)
        adapter.merge(into: merged)
        let student = FlatParameters(copying: try LoadedModel(folder).transformer)
        for i in 0..<merged.buffer.count {
            #expect(abs(merged.buffer.pointer[i] - student.buffer.pointer[i]) < 1e-6)
        }
    }

    /// Some answers are right, each position is decoded once, and one per forward.
    private func checkTrajectories(_ artifact: Artifact) throws {
        let records = try Journal.read(artifact.folder.appending("trajectories.jsonl")).map {
            try #require(TrajectoryRecord($0.value))
        }
        #expect(records.count == 24)
        let kept = records.count { $0.isCorrect == true }
        #expect(kept > 0 && artifact.record.metrics["kept"]?.int == kept)
        for record in records { #expect(record.unmaskStep.sorted() == Array(0..<48)) }
    }

    /// The metrics of an artifact, from its records with nothing but sums.
    private func checkMetrics(_ artifact: Artifact) throws {
        var (tokens, nfe, forwards, forwarded, correct) = (0, 0, 0, 0, 0)
        var ids: Set<String> = []
        let lines = try FileSystem.readText(artifact.folder.appending("samples.jsonl")).split(separator: "\n")
        for line in lines.dropFirst() {
            let value = try #require(
                JSONDocument(parsing: Array(line.utf8), name: "samples").root["value"])
            ids.insert(try #require(value["id"]?.string))
            tokens += try #require(value["tokens"]?.int)
            nfe += try #require(value["nfe"]?.int)
            forwards += try #require(value["forwards"]?.int)
            forwarded += try #require(value["tokensForwarded"]?.int)
            correct += try #require(value["correct"]?.bool as Bool?) ? 1 : 0
        }
        let metrics = artifact.record.metrics
        #expect(ids.count == 36 && metrics["n"]?.int == 36)
        #expect(metrics["tokens"]?.int == tokens && metrics["nfe"]?.int == nfe)
        #expect(metrics["forwards"]?.int == forwards && metrics["tokensForwarded"]?.int == forwarded)
        #expect(metrics["correct"]?.int == correct)
        #expect(metrics["tpf"]?.double == Double(tokens) / Double(nfe))
        #expect(metrics["accuracy"]?.double == 100 * Double(correct) / 36)
        #expect(tokens > 0 && nfe > 0 && forwarded >= forwards)
    }

    @Test func threadsDoNotChangeABit() throws {
        let (one, two) = (try MicroExperiment(), try MicroExperiment())
        let first = try one.run(threads: 1)
        let second = try two.run(threads: 2)
        let hashes = try ScratchFolder.hashes(below: one.store.root)
        #expect(hashes.count > 40)
        #expect(try ScratchFolder.hashes(below: two.store.root) == hashes)
        for (a, b) in zip(first.stages, second.stages) {
            #expect(a.artifact.record.metrics == b.artifact.record.metrics, "\(a.stage)")
            #expect(a.artifact.record.summary == b.artifact.record.summary, "\(a.stage)")
        }
    }

    @Test func howOftenCheckpointsAreMadeIsNoPartOfTheRecipe() throws {
        let micro = try MicroExperiment()
        try micro.run(only: ["teacher"])
        let again = try micro.run(set: ["stages.teacher.checkpointSeconds=3"], only: ["teacher"])
        #expect(again.stages.allSatisfy { $0.wasCached })
    }

    @Test(
        "averaged weights are the end of the same training, and say so",
        arguments: ["student", "adapterStudent"])
    func averages(name: String) throws {
        let micro = try MicroExperiment()
        let averaged = try #require(try micro.run(only: [name]).artifact(name))
        let plain = try #require(
            try micro.run(set: ["stages.\(name).average=null"], only: [name]).artifact(name))
        func hash(_ artifact: Artifact, _ file: String) throws -> String {
            try #require(artifact.record.files.first { $0.path == file }).sha256
        }
        #expect(try hash(averaged, "training.jsonl") == hash(plain, "training.jsonl"))
        #expect(try hash(averaged, "model.safetensors") != hash(plain, "model.safetensors"))
        let isAdapter = name == "adapterStudent"
        #expect(averaged.record.metrics["averagedSteps"]?.int == (isAdapter ? 8 : 10))
        #expect(plain.record.metrics["averagedSteps"] == nil)
        #expect(
            averaged.record.summary.hasSuffix(
                isAdapter
                    ? "exponential mean (0.75) of the weights of the last 8 steps"
                    : "mean of the weights of the last 10 steps"), "\(averaged.record.summary)")
    }

    @Test("what a temperature draws depends on the stage's seed and on nothing else")
    func temperature() throws {
        let micro = try MicroExperiment()
        func texts(_ overrides: [String], threads: Int) throws -> [String] {
            let outcome = try micro.run(threads: threads, set: overrides, only: ["hot"])
            let folder = try #require(outcome.artifact("hot")).folder
            return try Journal.read(folder.appending("samples.jsonl")).map {
                try #require(SampleRecord($0.value)).text
            }
        }
        let first = try texts([], threads: 2)
        #expect(first.count == 6)
        #expect(try texts(["stages.hot.groupSize=3"], threads: 1) == first)
        #expect(try texts(["stages.hot.seed=8"], threads: 2) != first)
    }
}
