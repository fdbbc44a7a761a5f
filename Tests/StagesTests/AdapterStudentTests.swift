import ArtifactStore
import Files
import JSON
import Numerics
import Recipes
import Runs
import SystemPackage
import TestSupport
import Testing
import Tokenizers
import Transformers

@testable import ModelStages
@testable import Stages
@testable import TrainingStages

/// Students whose teacher isn't trained but adapted, and is stored in bfloat16.
@Suite struct AdapterStudentTests {
    private let micro: MicroExperiment
    private let half: FilePath

    /// The teacher of the micro experiment as a folder in bfloat16.
    init() throws {
        micro = try MicroExperiment()
        half = micro.scratch.path.appending("half")
        let teacher = try #require(try micro.run(only: ["trajectories"]).artifact("teacher")).folder
        let model = try LoadedModel(teacher)
        try Checkpoint.save(model.transformer, to: half, type: .bfloat16)
        try model.tokens.write(to: half)
    }

    private func run(_ adapter: String, threads: Int = 2) throws -> RunOutcome {
        let text = try FileSystem.readText(Fixtures.path("experiments/micro.json"))
        let digest = try ModelFolderStage.digest(of: half, ModelFolderStage.names(in: half))
        let stages = """
            "half": { "kind": "model-folder", "path": "\(half)", "digest": "\(digest)" },
            "halfStudent": {
              "kind": "distill", "teacher": "@half", "trajectories": "@trajectories", "data": "@problems",
              "steps": 4, "batch": 4, "adapter": \(adapter)
            },
            "adapterStudent": {
            """
        let experiment = try Experiment.parse(
            Array(text.replacing("\"adapterStudent\": {", with: stages).utf8), name: "micro.json",
            overrides: [], registry: Stages.registry)
        return try Runner(
            experiment, store: micro.store, options: .init(threads: threads, only: ["halfStudent"]),
            reporter: LogText().reporter
        ).run()
    }

    private func hash(_ artifact: Artifact, _ name: String) -> String? {
        artifact.record.files.first { $0.path == name }?.sha256
    }

    @Test("the student is the teacher's files with the adapter beside them, merged when it is read")
    func beside() throws {
        let outcome = try run(#"{ "rank": 3, "targets": ["query", "down"] }"#)
        let (base, student) = (
            try #require(outcome.artifact("half")), try #require(outcome.artifact("halfStudent"))
        )
        for name in ["model.safetensors", "config.json", "tokenizer.json"] {
            #expect(hash(student, name) != nil && hash(student, name) == hash(base, name), "\(name)")
        }
        #expect(!student.record.files.contains { $0.path.hasPrefix("adapter/") })
        let folder = student.folder
        #expect(TrainedModel.adapterFolder(of: folder) == folder)
        let model = try Checkpoint.load(base.folder)
        let adapter = try LoRAAdapter(folder, for: model.configuration, LLaDAFamily.self)
        #expect(adapter.rank == 3 && adapter.pairs.count == 2 * model.configuration.layers)
        #expect(adapter.pairs.contains { $0.b.elements.contains { $0 != 0 } })
        let merged = FlatParameters(copying: model)
        adapter.merge(into: merged)
        let read = FlatParameters(copying: try Checkpoint.load(folder))
        for i in 0..<merged.buffer.count { #expect(merged.buffer.pointer[i] == read.buffer.pointer[i]) }
    }

    @Test("threads change nothing; a base of 8 bits trains another adapter of the same files")
    func forms() throws {
        let plain = try #require(run(#"{ "rank": 2 }"#, threads: 1).artifact("halfStudent"))
        let adapter = hash(plain, "adapter_model.safetensors")
        try FileSystem.remove(plain.folder.appending(ArtifactRecord.fileName))
        let again = try #require(run(#"{ "rank": 2 }"#, threads: 3).artifact("halfStudent"))
        #expect(adapter != nil && hash(again, "adapter_model.safetensors") == adapter)
        let rounded = try #require(
            run(#"{ "rank": 2, "base": "int8" }"#).artifact("halfStudent"))
        #expect(hash(rounded, "adapter_model.safetensors") != adapter)
        #expect(hash(rounded, "model.safetensors") == hash(plain, "model.safetensors"))
    }
}
