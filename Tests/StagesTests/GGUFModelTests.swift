import ArtifactStore
import Audit
import ChatTemplates
import Files
import JSON
import Numerics
import Recipes
import Runs
import StageBasics
import SystemPackage
import TestSupport
import Testing
import Tokenizers
import Training
import Transformers

@testable import ModelStages
@testable import Stages
@testable import TrainingStages

/// Models in GGUF among the stages.
@Suite struct GGUFModelTests {
    private static let fixture = Fixtures.path("gguf/llama")

    /// The largest difference of two elements in the same place.
    private static func distance(_ a: Matrix, _ b: Matrix) -> Float {
        a.elements.count == b.elements.count
            ? zip(a.elements, b.elements).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }
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
        let start = try StartingModel(Self.fixture, .init(maskToken: "<|new|>"), objectives: [.maskedUniform])
        #expect(
            start.mask == 406 && start.configuration.vocabulary == 407 && start.family is A2DLlamaFamily.Type)
        let given = try StartingModel(
            Self.fixture, .init(maskToken: "<|mask|>"), objectives: [.maskedUniform])
        #expect(given.mask == 403 && given.configuration.vocabulary == 406)
    }

    @Test func aModelIsWrittenInGGUFAndIsAModelLikeAnyOther() throws {
        let file = Self.fixture.appending("model.gguf")
        let digest = SHA256.hex(of: Array("\(try SHA256.hex(ofFile: file))  model.gguf\n".utf8))
        let text = """
            {
              "name": "gguf", "seed": 3,
              "stages": {
                "model": {"kind": "model-folder", "path": "\(Self.fixture)", "digest": "\(digest)"},
                "f32": {"kind": "export-gguf", "model": "@model"},
                "q8": {"kind": "export-gguf", "model": "@f32", "weights": "Q8_0", "title": "Tiny"},
                "again": {"kind": "export-gguf", "model": "@q8", "weights": "Q8_0", "title": "Tiny"}
              }
            }
            """
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "gguf.json", overrides: [], registry: Stages.registry)
        let store = Store(scratch.path.appending("store"))
        let outcome = try Runner(experiment, store: store, options: Runner.Options(threads: 2)).run()
        let folders = try ["model", "f32", "q8", "again"].map {
            try #require(outcome.artifact($0)).folder
        }
        let models = try folders.map { try LoadedModel($0, needs: .end) }
        let tokens = "the words 42 don't\n <|im_end|>x <tool_call>"
        for model in models {
            #expect(model.configuration == models[0].configuration)
            #expect(model.tokens.ends == models[0].tokens.ends && model.tokens.end == models[0].tokens.end)
            #expect(
                try model.tokens.tokenizer.encode(text: tokens)
                    == models[0].tokens.tokenizer.encode(text: tokens))
        }
        var rounded = 0
        for specification in models[0].configuration.parameterSpecifications {
            func weights(_ model: LoadedModel) throws -> Matrix {
                try #require(model.transformer.parameters[specification.role])
            }
            let expected = try weights(models[0])
            #expect(try Self.distance(weights(models[1]), expected) == 0)
            let distance = try Self.distance(weights(models[2]), expected)
            // A step of 8 bits is a 127th of the largest of 32; half of that, and the scale's own rounding.
            #expect(specification.isVector ? distance == 0 : distance < 0.005)
            if distance > 0 { rounded += 1 }
        }
        #expect(rounded > 5)
        // Blocks of 8 bits are the same when they are cut into such again.
        let names = folders.dropFirst(2).map { $0.appending("model.gguf") }
        #expect(try SHA256.hex(ofFile: names[0]) == SHA256.hex(ofFile: names[1]))
        #expect(
            try FileSystem.list(folders[2]).sorted() == ["artifact.json", "model.gguf"])
        let files = try TokenizerFiles(folder: folders[2])
        #expect(
            try files.applyChatTemplate(to: [ChatMessage(role: "user", content: "Hi")])
                == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
    }

    @Test func moreEndsThanTheFormatHasRoomForStandBesideTheFile() throws {
        let folder = scratch.path.appending("ends")
        let model = try LoadedModel(Self.fixture, needs: .end)
        try model.write(model.transformer, to: folder)
        let path = folder.appending("config.json")
        guard
            case .object(var object) = JSONValue(
                try JSONDocument(parsing: FileSystem.read(path), name: "config.json").root)
        else { throw DataError(description: "no object") }
        object["eos_token_id"] = [402, 400, 5, 6, 7]
        try FileSystem.writeAtomically(JSONValue.object(object).prettyBytes(), to: path)
        let lines = try ModelFolderStage.names(in: folder).map {
            "\(try SHA256.hex(ofFile: folder.appending($0)))  \($0)\n"
        }
        let text = """
            {
              "name": "gguf", "seed": 3,
              "stages": {
                "model": {"kind": "model-folder", "path": "\(folder)", "digest": "\(SHA256.hex(of: Array(lines.joined().utf8)))"},
                "written": {"kind": "export-gguf", "model": "@model", "weights": "BF16"}
              }
            }
            """
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "gguf.json", overrides: [], registry: Stages.registry)
        let store = Store(scratch.path.appending("store"))
        let outcome = try Runner(experiment, store: store, options: Runner.Options(threads: 2)).run()
        let written = try ModelTokens(#require(outcome.artifact("written")).folder, needs: .end)
        #expect(written.ends == [402, 400, 5, 6, 7] && written.end == 402)
    }
}
