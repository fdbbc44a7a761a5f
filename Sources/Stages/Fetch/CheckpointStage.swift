internal import Fetching
internal import Files
internal import JSON
public import Pipeline
public import SystemPackage
internal import Transformers

/// Takes a pinned model of a hub into the store, without a second copy of its weights.
public struct CheckpointStage: PinnedStage, RecomputableStage {
    public static let name = "checkpoint"
    public static let version = 1
    public static let summary =
        "A model in Hugging Face layout that data.lock pins: configuration, tokenizer, weights. The weights stay in the cache."
    public static let output = ArtifactType.model

    let source: PinnedSource

    public init(_ fields: Fields) { source = PinnedSource(fields) }

    public func run(_ context: StageContext) throws -> StageResult {
        let fetched = try source.fetch(context)
        for file in fetched.files {
            try context.adopt(file.location, as: file.path, address: file.address)
        }
        return try result(context.output)
    }

    public func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        try source.check(artifact)
        return try result(artifact)
    }

    /// What can be said without the weights, which may have been left out.
    private func result(_ folder: FilePath) throws -> StageResult {
        guard source.pins.contains(where: { $0.path == "config.json" }) else {
            throw DataError(
                description:
                    "\"\(source.input)\" has no config.json, so it is no model; data that isn't one is for stages of kind \"fetch\"."
            )
        }
        let configuration = try Checkpoint.configuration(folder)
        let family = try Checkpoint.family(folder)
        let shards = source.pins.count { $0.path.hasSuffix(".safetensors") }
        guard shards > 0 else {
            throw DataError(
                description: "\"\(source.input)\" has no weights: no file of it ends in .safetensors.")
        }
        return StageResult(
            summary:
                "\(source.input): \(family.modelTypes[0]), \(configuration.layers) layers, \(shards == 1 ? "1 file" : "\(shards) files") of weights",
            metrics: [
                "files": .integer(source.pins.count), "weightFiles": .integer(shards),
                "layers": .integer(configuration.layers), "vocabulary": .integer(configuration.vocabulary),
            ])
    }
}
