internal import Files
internal import JSON
public import Numerics
public import SystemPackage

/// Model folders in Hugging Face layout: config.json with one or several safetensors files.
public enum Checkpoint {
    static let single = "model.safetensors"
    static let index = "model.safetensors.index.json"

    /// Loads a model.
    ///
    /// In 32-bit floats the weights stay in the mapped files where their type allows. In less, the linear layers are
    /// packed tensor by tensor and the file's pages given back at once, so that the weights are never held twice.
    /// An adapter of PEFT in the folder (adapter_config.json, adapter_model.safetensors) is merged into the weights, as
    /// PEFT's `merge_and_unload` does it: sums are 32-bit floats, rounded to the precision once.
    /// - Throws: ``CheckpointError`` (file, tensor, expected and found shape), `JSONSyntaxError`, `FileError`,
    ///   `BLASError`.
    public static func load(
        _ folder: FilePath, precision: WeightPrecision = .float32, threads: Int = Threads.available
    ) throws -> Transformer {
        let (configuration, tensor) = try tensors(folder)
        guard precision != .float32 else {
            return try Transformer(
                configuration,
                parameters: ModelParameters(configuration) { (specification) throws -> Matrix in
                    try tensor(specification).matrix()
                })
        }
        var weights = try ModelParameters(configuration) { (specification) throws -> Weight in
            try tensor(specification).weight(precision, threads: threads)
        }
        if configuration.tiedHead, let embedding = configuration.parameterSpecifications.first {
            weights.head = try tensor(embedding).packed(precision, threads: threads)
        }
        return try Transformer(configuration, weights: weights)
    }

    /// Loads a model whose weights aren't trained: they stay in the mapped files as they are stored, and products read them
    /// there.
    ///
    /// Tensors that an adapter in the folder changes are merged into copies in 32-bit floats.
    /// - Parameter form: in ``FrozenForm/int8`` linear layers are quantised, tensor by tensor, and the files' pages given
    ///   back.
    /// - Throws: as ``load(_:precision:threads:)``.
    public static func loadFrozen(
        _ folder: FilePath, _ form: FrozenForm = .stored, threads: Int = Threads.available
    ) throws -> Transformer {
        let (configuration, tensor) = try tensors(folder)
        var weights = try ModelParameters(configuration) { (specification) throws -> Weight in
            try tensor(specification).frozen(form, threads: threads)
        }
        if configuration.tiedHead, let embedding = configuration.parameterSpecifications.first {
            weights.head = .frozen(try tensor(embedding).product(form, threads: threads))
        }
        return try Transformer(configuration, weights: weights)
    }

    /// What a folder's model is, and how each of its parameters is stored, with what an adapter there changes.
    private static func tensors(
        _ folder: FilePath
    ) throws -> (TransformerConfiguration, (ParameterSpecification) throws -> StoredTensor) {
        let (family, configuration) = try readConfiguration(folder)
        let shards = try Shards(folder)
        try checkNames(shards, family, configuration)
        let changes = try changes(folder, family, configuration)
        return (
            configuration,
            { specification in
                let name = family.name(of: specification.role)
                return StoredTensor(
                    try shards.file(holding: name), name, specification, changes[specification.role])
            }
        )
    }

    /// Whether all matrices of a folder's blocks are stored in bfloat16 and no adapter changes them: a model that is too
    /// large to be written again in 32-bit floats.
    /// - Throws: as ``load(_:precision:threads:)``.
    public static func isStoredInBFloat16(_ folder: FilePath) throws -> Bool {
        guard !LoRAOptions.isThere(folder) else { return false }
        let (family, configuration) = try readConfiguration(folder)
        let shards = try Shards(folder)
        return try configuration.parameterSpecifications.allSatisfy { specification in
            guard case .block = specification.role, !specification.isVector else { return true }
            let name = family.name(of: specification.role)
            return try shards.file(holding: name).entry(named: name).type == .bfloat16
        }
    }

    /// What the adapter of a folder adds to its weights; nothing where there is none.
    private static func changes(
        _ folder: FilePath, _ family: any ModelFamily.Type, _ configuration: TransformerConfiguration
    ) throws -> [ParameterRole: StoredTensor.Change] {
        guard LoRAOptions.isThere(folder) else { return [:] }
        let adapter = try LoRAAdapter(folder, for: configuration, family)
        try BLAS.load()
        return Dictionary(
            adapter.pairs.map { ($0.role, .init(pair: $0, scaling: adapter.scaling)) },
            uniquingKeysWith: { first, _ in first })
    }

    private static func checkNames(
        _ shards: Shards, _ family: any ModelFamily.Type, _ configuration: TransformerConfiguration
    ) throws(CheckpointError) {
        var known = Set(configuration.parameterSpecifications.map { family.name(of: $0.role) })
        // Some checkpoints with a tied head hold its copy too (Qwen3-0.6B); transformers ignores that as well.
        if configuration.tiedHead { known.insert(family.name(of: .head)) }
        for (file, names) in shards.names {
            if let stranger = names.sorted().first(where: { !known.contains($0) }) {
                throw CheckpointError(
                    file, tensor: stranger,
                    "has no place in the model that config.json describes (\(known.count) tensors, layers \(configuration.layers))"
                )
            }
        }
    }

    /// Reads only config.json.
    /// - Throws: ``CheckpointError`` for a missing or unsupported option, `JSONSyntaxError`, `FileError`.
    public static func configuration(_ folder: FilePath) throws -> TransformerConfiguration {
        try readConfiguration(folder).configuration
    }

    /// The family that a model folder belongs to, by its `model_type`.
    /// - Throws: as ``configuration(_:)``.
    public static func family(_ folder: FilePath) throws -> any ModelFamily.Type {
        try readConfiguration(folder).family
    }

    private static func readConfiguration(
        _ folder: FilePath
    ) throws -> (family: any ModelFamily.Type, configuration: TransformerConfiguration) {
        let path = folder.appending("config.json")
        let document = try JSONDocument(
            parsing: FileSystem.read(path, limit: FileLimit.settings), name: path.string, allowNonFinite: true
        )
        guard let type = document.root["model_type"]?.string else {
            throw CheckpointError(path, "has no model_type")
        }
        guard let family = ModelFamilies.named(type) else {
            let known = ModelFamilies.all.flatMap { $0.modelTypes }.joined(separator: ", ")
            throw CheckpointError(path, "model_type \"\(type)\" is not implemented; known are: \(known)")
        }
        do throws(FamilyError) {
            return (family, try family.configuration(document.root))
        } catch {
            let place = error.offset.map { document.position(of: $0) }
            throw CheckpointError(path, (place.map { "line \($0.line): " } ?? "") + error.description)
        }
    }
}
