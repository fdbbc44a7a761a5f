package import Base
internal import Files
internal import JSON
public import Numerics
public import SystemPackage

/// Model folders in Hugging Face layout, config.json with one or several safetensors files, and models in GGUF: a file, or a
/// folder that holds one and no config.json.
public enum Checkpoint {
    static let single = "model.safetensors"
    static let index = "model.safetensors.index.json"

    /// Loads a model.
    ///
    /// In 32-bit floats the weights stay in the mapped files where their type allows. In less, the linear layers are
    /// packed tensor by tensor and the file's pages given back at once, so that the weights are never held twice.
    /// An adapter of PEFT in the folder (adapter_config.json, adapter_model.safetensors) is merged into the weights, as
    /// PEFT's `merge_and_unload` does it: sums are 32-bit floats, rounded to the precision once.
    /// Tensors of GGUF that are quantised become 32-bit floats, one by one.
    /// - Throws: ``CheckpointError`` (file, tensor, expected and found shape), `GGUFError`, `JSONSyntaxError`, `FileError`,
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
    package static func loadFrozen(
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
        let (family, configuration, shards) = try open(folder)
        try checkNames(shards, family, configuration)
        let changes = try changes(folder, family, configuration)
        let saved = try savedEmbeddings(folder, family, configuration)
        return (
            configuration,
            { specification in
                if let (file, name) = saved[specification.role] {
                    return StoredTensor(file, name, specification, changes[specification.role])
                }
                let name = family.name(of: specification.role)
                return StoredTensor(
                    try shards.file(holding: name), name, specification, changes[specification.role])
            }
        )
    }

    /// Embeddings and heads that PEFT saved with the adapter of a folder: they stand for the model's own.
    private static func savedEmbeddings(
        _ folder: FilePath, _ family: any ModelFamily.Type, _ configuration: TransformerConfiguration
    ) throws -> [ParameterRole: (any TensorFile, String)] {
        guard LoRAOptions.isThere(folder) else { return [:] }
        let file = try SafetensorsFile(folder.appending(LoRAAdapter.weightsFile))
        return LoRAAdapter.replacements(in: file, configuration, family).mapValues { (file, $0) }
    }

    /// Whether all matrices of a folder's blocks are stored in bfloat16 and no adapter changes them: a model that is too
    /// large to be written again in 32-bit floats.
    /// - Throws: as ``load(_:precision:threads:)``.
    package static func isStoredInBFloat16(_ folder: FilePath) throws -> Bool {
        guard !LoRAOptions.isThere(folder) else { return false }
        let (family, configuration, shards) = try open(folder)
        return try configuration.parameterSpecifications.allSatisfy { specification in
            guard case .block = specification.role, !specification.isVector else { return true }
            let name = family.name(of: specification.role)
            return try shards.file(holding: name).isBFloat16(name)
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

    /// Refuses tensors that would be a part of the model if config.json said another thing: of further blocks, biases and
    /// norms that it doesn't speak of.
    private static func checkNames(
        _ shards: Shards, _ family: any ModelFamily.Type, _ configuration: TransformerConfiguration
    ) throws(CheckpointError) {
        let strangers = strangers(shards, family, configuration)
        guard let first = strangers.first(where: \.isPart) else { return }
        throw CheckpointError(
            first.file, tensor: first.name,
            "has no place in the model that \(shards.describer) describes (\(configuration.parameterSpecifications.count) tensors, layers \(configuration.layers))"
        )
    }

    /// Tensors of a checkpoint's files that the model doesn't need, sorted by name.
    private static func strangers(
        _ shards: Shards, _ family: any ModelFamily.Type, _ configuration: TransformerConfiguration
    ) -> [(file: FilePath, name: String, isPart: Bool)] {
        var known = Set(configuration.parameterSpecifications.map { family.name(of: $0.role) })
        // Some checkpoints with a tied head hold its copy too (Qwen3-0.6B); transformers ignores that as well.
        if configuration.tiedHead { known.insert(family.name(of: .head)) }
        let parts = PartNames(family)
        return shards.all.flatMap { file in
            file.names.filter { !known.contains($0) }.map {
                (file.map.path, file.ownName(of: $0), parts.contains($0))
            }
        }.sorted { $0.name < $1.name }
    }

    /// What was passed over when a folder was read, in sentences: nothing that is the model's, but perhaps not what whoever
    /// made the folder expects.
    ///
    /// - Throws: as ``load(_:precision:threads:)``.
    package static func remarks(_ folder: FilePath) throws -> [String] {
        let (family, configuration, shards) = try open(folder)
        var remarks: [String] = []
        if FileSystem.exists(folder.appending(single)), FileSystem.exists(folder.appending(index)) {
            remarks.append(
                "\(folder) has \(single) and \(index): the single file is read, as transformers does, and the shards aren't."
            )
        }
        // Frequencies of the rotary positions follow from config.json; transformers doesn't speak of them either.
        let ignored = strangers(shards, family, configuration).map(\.name).filter {
            !$0.byteText.hasSuffix("rotary_emb.inv_freq")
        }
        if let first = ignored.first {
            remarks.append(
                "\(folder): \(ignored.count == 1 ? "the tensor \(first) is" : "\(ignored.count) tensors (\(first), …) are") no part of the model and not read."
            )
        }
        let wide = try configuration.parameterSpecifications.contains { specification in
            let name = family.name(of: specification.role)
            return try shards.file(holding: name).isRounded(name)
        }
        let generation = try GenerationDefaults(folder)
        if generation.repetitionPenalty != 1 {
            remarks.append(
                "\(folder): generation_config.json asks for a repetition penalty of \(generation.repetitionPenalty), which transformers applies to greedy decoding; the method autoregressive does with \"generationConfig\": \"applied\"."
            )
        }
        if !generation.unsupported.isEmpty {
            remarks.append(
                "\(folder): \(generation.unsupported.joined(separator: ", ")) of generation_config.json changes what transformers generates and isn't implemented."
            )
        }
        if wide { remarks.append("\(folder): weights in 64-bit floats are rounded to 32 bits.") }
        return remarks
    }

    /// Reads only config.json, or the header of a GGUF file.
    /// - Throws: ``CheckpointError`` for a missing or unsupported option, `GGUFError`, `JSONSyntaxError`, `FileError`.
    package static func configuration(_ folder: FilePath) throws -> TransformerConfiguration {
        try readConfiguration(folder, GGUFModel(folder)).configuration
    }

    /// The family that a model folder belongs to, by its `model_type`, or by its `general.architecture` in GGUF.
    /// - Throws: as ``configuration(_:)``.
    package static func family(_ folder: FilePath) throws -> any ModelFamily.Type {
        try readConfiguration(folder, GGUFModel(folder)).family
    }

    /// What a folder's model is, and its files.
    private static func open(
        _ folder: FilePath
    ) throws -> (any ModelFamily.Type, TransformerConfiguration, Shards) {
        let model = try GGUFModel(folder)
        let (family, configuration) = try readConfiguration(folder, model)
        return (family, configuration, try model.map { Shards($0) } ?? Shards(folder))
    }

    private static func readConfiguration(
        _ folder: FilePath, _ model: GGUFModel?
    ) throws -> (family: any ModelFamily.Type, configuration: TransformerConfiguration) {
        let path = model?.path ?? folder.appending("config.json")
        let document =
            try model?.configuration()
            ?? JSONDocument(
                parsing: FileSystem.read(path, limit: FileLimit.settings), name: path.string,
                allowNonFinite: true)
        guard let type = document.root["model_type"]?.string else {
            throw CheckpointError(path, "has no model_type")
        }
        guard let family = ModelFamilies.named(type) else {
            let known = ModelFamilies.all.flatMap { $0.modelTypes }.joined(separator: ", ")
            let reason = ModelFamilies.missing[type].map { ": \($0)" } ?? ""
            throw CheckpointError(
                path, "model_type \"\(type)\" is not implemented\(reason); known are: \(known)")
        }
        let generation = try GenerationDefaults(folder)
        do throws(FamilyError) {
            var configuration = try family.configuration(document.root)
            generation.apply(to: &configuration)
            return (family, configuration)
        } catch {
            // The document of a GGUF file has no lines that anybody could look at.
            let place = model == nil ? error.offset.map { document.position(of: $0) } : nil
            let introduction = place.map { "line \($0.line): " } ?? ""
            throw CheckpointError(
                path,
                (model == nil ? introduction : "the metadata, read as a config.json: ") + error.description)
        }
    }
}

extension Checkpoint {
    /// Writes a model so that Hugging Face's loaders and ``load(_:)`` read it.
    ///
    /// A model of the other layout (single file or shards) in the same folder is superseded: what would make a
    /// loader take it is removed.
    /// - Parameters:
    ///   - adapter: what is added to the weights, tensor by tensor as they are written.
    ///   - maximumShard: bytes after which a new file is begun; a tensor is never cut.
    /// - Throws: ``CheckpointError`` when the family's config.json can't say what the model is; `FileError`.
    package static func save(
        _ transformer: Transformer, adding adapter: LoRAAdapter? = nil,
        family: any ModelFamily.Type = LLaDAFamily.self, to folder: FilePath,
        type: SafetensorsWriter.FloatType = .float32, maximumShard: Int = 5_000_000_000
    ) throws {
        let changes = Dictionary(
            (adapter?.pairs ?? []).map { ($0.role, $0) }, uniquingKeysWith: { first, _ in first })
        let document = family.document(for: transformer.configuration, type: type)
        try check(document, says: transformer.configuration, family, folder)
        try FileSystem.createDirectory(folder)
        var shards: [[SafetensorsWriter.Tensor]] = [[]]
        var filled = 0
        var total = 0
        for specification in transformer.configuration.parameterSpecifications {
            let bytes = specification.count * type.size
            if filled > 0 && filled + bytes > maximumShard {
                shards.append([])
                filled = 0
            }
            filled += bytes
            total += bytes
            shards[shards.count - 1].append(
                .init(
                    name: family.name(of: specification.role),
                    shape: specification.isVector
                        ? [specification.columns] : [specification.rows, specification.columns]
                ) {
                    let stored = transformer.widened(specification.role)
                    guard let adapter, let pair = changes[specification.role] else { return stored }
                    return adapter.merged(pair, into: stored)
                })
        }
        if shards.count == 1 {
            try SafetensorsWriter.write(shards[0], type: type, to: folder.appending(single))
            try FileSystem.remove(folder.appending(index))
        } else {
            var map = JSONObject()
            for (i, tensors) in shards.enumerated() {
                let name = "model-\(padded(i + 1))-of-\(padded(shards.count)).safetensors"
                try SafetensorsWriter.write(tensors, type: type, to: folder.appending(name))
                for tensor in tensors { map[tensor.name] = .string(name) }
            }
            let content: JSONValue = [
                "metadata": ["total_size": .integer(total)], "weight_map": .object(map),
            ]
            try FileSystem.writeAtomically(content.prettyBytes(), to: folder.appending(index))
            try FileSystem.remove(folder.appending(single))
        }
        try FileSystem.writeAtomically(document.prettyBytes(), to: folder.appending("config.json"))
    }

    /// Refuses a document that would be read as another model, such as one with norms that the family doesn't have.
    private static func check(
        _ document: JSONValue, says configuration: TransformerConfiguration, _ family: any ModelFamily.Type,
        _ folder: FilePath
    ) throws {
        let path = folder.appending("config.json")
        let node = try JSONDocument(parsing: document.prettyBytes(), name: path.string).root
        let read: TransformerConfiguration
        do throws(FamilyError) {
            read = try family.configuration(node)
        } catch {
            throw CheckpointError(path, "a model of type \(family.modelTypes[0]) can't be written: \(error)")
        }
        if let difference = configuration.difference(from: read) {
            throw CheckpointError(
                path,
                "a model of type \(family.modelTypes[0]) can't be written: the type has no way to say \(difference). "
                    + "Write it as llada, which can say everything that models here have.")
        }
    }

    private static func padded(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}

/// What is wrong with a checkpoint: file, tensor, and what was expected there.
package struct CheckpointError: Failure, Sendable {
    package var failureKind: FailureKind { .inputOutput }

    /// The file, or the folder where none of its files is to blame.
    package let file: FilePath
    /// The tensor concerned, if one is.
    package let tensor: String?
    /// A sentence: what is wrong and what would be right.
    package let message: String

    package init(_ file: FilePath, tensor: String? = nil, _ message: String) {
        self.file = file
        self.tensor = tensor
        self.message = message
    }

    package var description: String {
        "\(file): " + (tensor.map { "tensor \($0): " } ?? "") + message
    }
}
