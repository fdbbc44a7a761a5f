internal import Files
internal import JSON
internal import Numerics
public import SystemPackage

extension Checkpoint {
    /// Writes a model so that Hugging Face's loaders and ``load(_:)`` read it.
    ///
    /// A model of the other layout (single file or shards) in the same folder is superseded: what would make a
    /// loader take it is removed.
    /// - Parameters:
    ///   - adapter: what is added to the weights, tensor by tensor as they are written.
    ///   - maximumShard: bytes after which a new file is begun; a tensor is never cut.
    /// - Throws: ``CheckpointError`` when the family's config.json can't say what the model is; `FileError`.
    public static func save(
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
