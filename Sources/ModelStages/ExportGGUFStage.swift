package import ArtifactStore
internal import Base
internal import Files
internal import JSON
package import Recipes
package import Runs
internal import StageBasics
internal import SystemPackage
internal import Tokenizers
internal import Transformers

/// Writes a model in GGUF: weights, shape, tokenizer and chat template in one file, which llama.cpp's programs and
/// transformers read as this program does.
package struct ExportGGUFStage: QuickStage {
    package static let name = "export-gguf"
    package static let version = 1
    package static let summary =
        "Writes a model in GGUF, as llama.cpp's convert_hf_to_gguf.py does: one file with weights, tokenizer and chat template. It is a model like any other."
    package static let output = ArtifactType.model

    /// The file of the artifact.
    static let fileName = "model.gguf"
    /// Says where texts end, where it is.
    private static let generation = "generation_config.json"

    let model: ArtifactReference
    let weights: Checkpoint.GGUFForm
    let title: String?

    package init(_ fields: Fields) {
        model = fields.artifact(
            "model", types: [.model],
            "An autoregressive model of the types llama, qwen2 or qwen3 with a byte-level tokenizer.")
        weights = fields.choice(
            "weights", default: Checkpoint.GGUFForm.float32,
            "How matrices are written: F32, BF16, or Q8_0 (8 bits and a scale of 16 for 32 elements of a row; F16 where rows aren't a multiple of 32). Vectors are F32."
        )
        title = fields.optionalString(
            "title", "What the file calls the model (general.name); else its type.")
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let folder = context.folder(of: model)
        let family = try Checkpoint.family(folder)
        let transformer = try Checkpoint.loadFrozen(folder, threads: context.threads)
        let configuration = transformer.configuration
        let ends = (configuration.endToken.map { [$0] } ?? []) + configuration.furtherEndTokens
        let target = context.output.appending(Self.fileName)
        try Checkpoint.saveGGUF(
            transformer, family: family, weights, name: title ?? family.modelTypes[0],
            tokenizer: try TokenizerFiles.ggufMetadata(folder, rows: configuration.vocabulary, ends: ends),
            to: target)
        // The file has room for three tokens that end texts, and llama.cpp takes all of them.
        let generation = folder.appending(Self.generation)
        if FileSystem.exists(generation) {
            try FileSystem.writeAtomically(
                try FileSystem.read(generation, limit: FileLimit.settings),
                to: context.output.appending(Self.generation))
        } else if ends.count > 3 {
            let object: JSONValue = ["eos_token_id": .array(ends.map { .integer(Int($0)) })]
            try FileSystem.writeAtomically(
                try object.prettyBytes(), to: context.output.appending(Self.generation))
        }
        let size = try FileSystem.status(target)?.size ?? 0
        return StageResult(
            summary:
                "\(family.modelTypes[0]), \(configuration.layers) layers, \(weights.rawValue), \(size) bytes",
            metrics: [
                "family": .string(family.modelTypes[0]), "layers": .integer(configuration.layers),
                "bytes": .integer(size),
            ])
    }
}

extension ExportGGUFStage {
    /// The shape of the model that is written.
    package func facts(_ context: ForecastContext) -> Facts {
        context.facts(of: model).configuration.map { Facts($0).merging([.weightBytes: 4]) } ?? [:]
    }

    /// One pass over the weights: those in bfloat16 are widened one by one, others may all be in memory.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        guard let configuration = context.facts(of: model).configuration else { return nil }
        let parameters = Double(configuration.parameterCount)
        let largest = configuration.parameterSpecifications.map(\.count).max() ?? 0
        let widened = context.facts(of: model).count(.weightBytes) == 2 ? Double(largest) : parameters
        return StageForecast(
            seconds: 2 + parameters * 1e-8,
            memory: Int(clamped: MemoryModel.program + 4 * widened),
            disk: Int(clamped: parameters * weights.bytesOfWeight))
    }
}

extension Checkpoint.GGUFForm {
    /// Of a matrix, in about.
    fileprivate var bytesOfWeight: Double {
        switch self {
        case .float32: 4
        case .bfloat16: 2
        case .q80: 34.0 / 32
        }
    }
}
