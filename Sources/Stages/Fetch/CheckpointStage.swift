internal import Base
internal import Fetching
internal import Files
internal import JSON
package import Recipes
package import Runs
package import SystemPackage
internal import Transformers

/// Takes a pinned model of a hub into the store, without a second copy of its weights, perhaps with an adapter.
package struct CheckpointStage: PinnedStage, RecomputableStage {
    package static let name = "checkpoint"
    package static let version = 1
    package static let summary =
        "A model in Hugging Face layout that data.lock pins: configuration, tokenizer, weights; or one file in GGUF. The weights stay in the cache."
    package static let output = ArtifactType.model

    package static let inputKeys = ["input", "adapter"]
    /// What is taken of an adapter's input.
    private static let adapterFiles = ["adapter_config.json", "adapter_model.safetensors"]

    let source: PinnedSource
    let adapter: PinnedSource?

    package init(_ fields: Fields) {
        source = PinnedSource(fields)
        adapter = PinnedSource(adapter: fields)
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let fetched = try source.fetch(context)
        for file in fetched.files {
            try context.adopt(file.location, as: file.path, address: file.address)
        }
        if let adapter { try take(adapter, context) }
        let result = try result(context.output)
        for remark in try Checkpoint.remarks(context.output) { context.log("Note: \(remark)") }
        return result
    }

    /// Puts an adapter beside the weights, if it fits them.
    private func take(_ adapter: PinnedSource, _ context: StageContext) throws {
        guard !LoRAOptions.isThere(context.output) else {
            throw DataError(
                description:
                    "\"\(source.input)\" is an adapter itself; \"input\" names the model and \"adapter\" what is merged into it."
            )
        }
        let fetched = try adapter.fetch(context)
        for name in Self.adapterFiles {
            guard let file = fetched.files.first(where: { $0.path == name }) else {
                throw DataError(
                    description:
                        "\"\(adapter.input)\" has no \(name), so it is no adapter that can be read; it has \(fetched.files.map(\.path).joined(separator: ", "))."
                )
            }
            try context.adopt(file.location, as: file.path, address: file.address)
        }
        let (configuration, family) = try (
            Checkpoint.configuration(context.output), Checkpoint.family(context.output)
        )
        _ = try LoRAAdapter(context.output, for: configuration, family)
        let unmatched = try LoRAOptions(context.output).unmatched(in: configuration, family)
        if !unmatched.isEmpty {
            context.log(
                "The adapter's target_modules name \(unmatched.joined(separator: ", ")), which the model doesn't have; its tensors are for the others."
            )
        }
    }

    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        try source.check(artifact)
        try adapter?.check(artifact) { !Self.adapterFiles.contains($0) }
        return try result(artifact)
    }

    /// What can be said without the weights, which may have been left out.
    private func result(_ folder: FilePath) throws -> StageResult {
        let isGGUF = !source.pins.contains { $0.path == "config.json" }
        let ending = isGGUF ? ".gguf" : ".safetensors"
        let shards = source.pins.count { $0.path.byteText.hasSuffix(ending) }
        guard !isGGUF || shards > 0 else {
            throw DataError(
                description:
                    "\"\(source.input)\" has no config.json and no file in GGUF, so it is no model; data that isn't one is for stages of kind \"fetch\", and an adapter for the key \"adapter\" beside the model's \"input\"."
            )
        }
        let configuration = try Checkpoint.configuration(folder)
        let family = try Checkpoint.family(folder)
        guard shards > 0 else {
            throw DataError(
                description: "\"\(source.input)\" has no weights: no file of it ends in .safetensors.")
        }
        let change = try adapter.map { adapter in
            let options = try LoRAOptions(folder)
            return
                "; \(adapter.input): adapter of rank \(options.rank)\(options.base.map { " for \($0)" } ?? "")"
        }
        return StageResult(
            summary:
                "\(source.input): \(family.modelTypes[0]), \(configuration.layers) layers, \(shards == 1 ? "1 file" : "\(shards) files") of weights\(change ?? "")",
            metrics: [
                "files": .integer(source.pins.count), "weightFiles": .integer(shards),
                "layers": .integer(configuration.layers), "vocabulary": .integer(configuration.vocabulary),
            ])
    }
}
