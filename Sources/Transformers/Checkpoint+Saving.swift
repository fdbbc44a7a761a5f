internal import Files
internal import JSON
internal import Numerics
public import SystemPackage

extension Checkpoint {
    /// Writes a model so that Hugging Face's loaders and ``load(_:)`` read it.
    ///
    /// A model of the other layout (single file or shards) in the same folder is superseded: what would make a
    /// loader take it is removed.
    /// - Parameter maximumShard: bytes after which a new file is begun; a tensor is never cut.
    /// - Throws: `FileError`.
    public static func save(
        _ transformer: Transformer, family: any ModelFamily.Type = LLaDAFamily.self, to folder: FilePath,
        type: SafetensorsWriter.FloatType = .float32, maximumShard: Int = 5_000_000_000
    ) throws {
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
                        ? [specification.columns] : [specification.rows, specification.columns],
                    values: transformer.parameter(specification.role)))
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
            let document: JSONValue = [
                "metadata": ["total_size": .integer(total)], "weight_map": .object(map),
            ]
            try FileSystem.writeAtomically(document.prettyBytes(), to: folder.appending(index))
            try FileSystem.remove(folder.appending(single))
        }
        let configuration = family.document(for: transformer.configuration, type: type)
        try FileSystem.writeAtomically(configuration.prettyBytes(), to: folder.appending("config.json"))
    }

    private static func padded(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}
