import ArtifactStore
import Audit
import Files
import JSON
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

/// Models in GGUF among the stages.
@Suite struct GGUFModelTests {
    private static let fixture = Fixtures.path("gguf/llama")
    private let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder() }

    private func run(_ folder: FilePath, digest: String) throws -> RunOutcome {
        let text = """
            {
              "name": "gguf", "seed": 3,
              "stages": {"model": {"kind": "model-folder", "path": "\(folder)", "digest": "\(digest)"}}
            }
            """
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "gguf.json", overrides: [], registry: Stages.registry)
        let store = Store(scratch.path.appending("store"))
        return try Runner(experiment, store: store, options: Runner.Options(threads: 2)).run()
    }

    @Test func theFileIsTakenIntoTheStore() throws {
        // One line of sha256sum, as for other files.
        let file = Self.fixture.appending("model.gguf")
        let digest = SHA256.hex(of: Array("\(try SHA256.hex(ofFile: file))  model.gguf\n".utf8))
        let artifact = try #require(try run(Self.fixture, digest: digest).artifact("model"))
        #expect(artifact.record.files.map(\.path) == ["model.gguf"])
        #expect(artifact.record.metrics["family"]?.string == "llama")
        let tokens = try ModelTokens(artifact.folder, needs: .end)
        #expect(tokens.vocabulary == 406 && tokens.knownMask == nil && tokens.furtherEnds == [400])
        #expect(tokens.end == 402)
    }

    @Test func aFileBesideAModelInHuggingFaceLayoutIsNoPartOfIt() throws {
        let folder = scratch.path.appending("model")
        try FileSystem.createDirectory(folder)
        for name in ["config.json", "a.gguf", "b.gguf", "model.safetensors", "notes.md"] {
            try FileSystem.writeAtomically("{}", to: folder.appending(name))
        }
        #expect(try ModelFolderStage.names(in: folder) == ["config.json", "model.safetensors"])
        try FileSystem.remove(folder.appending("config.json"))
        #expect(try ModelFolderStage.names(in: folder) == ["a.gguf", "b.gguf", "model.safetensors"])
    }

    @Test func aModelThatIsMadeOfOneIsInHuggingFaceLayout() throws {
        let model = try LoadedModel(Self.fixture, needs: .end)
        let target = scratch.path.appending("made")
        try model.write(model.transformer, to: target)
        #expect(
            try FileSystem.list(target).sorted()
                == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])
        let again = try LoadedModel(target, needs: .end)
        #expect(again.configuration == model.configuration && again.tokens.ends == model.tokens.ends)
        let text = "the words 42 don't\n <|im_end|>x <tool_call>"
        #expect(
            try again.tokens.tokenizer.encode(text: text) == model.tokens.tokenizer.encode(text: text))
    }

    @Test func aMaskTokenIsAddedToOne() throws {
        let start = try StartingModel(Self.fixture, maskToken: "<|new|>", masks: true)
        #expect(
            start.mask == 406 && start.configuration.vocabulary == 407 && start.family is A2DLlamaFamily.Type)
        let given = try StartingModel(Self.fixture, maskToken: "<|mask|>", masks: true)
        #expect(given.mask == 403 && given.configuration.vocabulary == 406)
    }
}
