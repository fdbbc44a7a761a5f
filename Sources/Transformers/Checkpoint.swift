internal import Files
internal import JSON
internal import Numerics
public import SystemPackage

/// Model folders in Hugging Face layout: config.json with one or several safetensors files.
public enum Checkpoint {
    static let single = "model.safetensors"
    static let index = "model.safetensors.index.json"

    /// Loads a model; its weights stay in the mapped files where their type allows.
    /// - Throws: ``CheckpointError`` (file, tensor, expected and found shape), `FileError`, `BLASError`.
    public static func load(_ folder: FilePath) throws -> Transformer {
        let (family, configuration) = try readConfiguration(folder)
        let shards = try Shards(folder)
        let parameters = try ModelParameters(configuration) { (specification) throws -> Matrix in
            let name = family.name(of: specification.role)
            let shape =
                specification.isVector
                ? [specification.columns] : [specification.rows, specification.columns]
            return try shards.file(holding: name).matrix(
                name, shape: shape, rows: specification.rows, columns: specification.columns)
        }
        let known = Set(configuration.parameterSpecifications.map { family.name(of: $0.role) })
        for (file, names) in shards.names {
            if let stranger = names.sorted().first(where: { !known.contains($0) }) {
                throw CheckpointError(
                    file, tensor: stranger,
                    "has no place in the model that config.json describes (\(known.count) tensors, layers \(configuration.layers))"
                )
            }
        }
        return try Transformer(configuration, parameters: parameters)
    }

    /// Reads only config.json.
    public static func configuration(_ folder: FilePath) throws -> TransformerConfiguration {
        try readConfiguration(folder).configuration
    }

    private static func readConfiguration(
        _ folder: FilePath
    ) throws -> (family: any ModelFamily.Type, configuration: TransformerConfiguration) {
        let path = folder.appending("config.json")
        let document = try JSONDocument(parsing: FileSystem.read(path), name: path.string)
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

    /// Writes a model so that Hugging Face's loaders and ``load(_:)`` read it.
    /// - Parameters:
    ///   - maximumShard: bytes after which a new file is begun.
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
        }
        let configuration = family.document(for: transformer.configuration, type: type)
        try FileSystem.writeAtomically(configuration.prettyBytes(), to: folder.appending("config.json"))
    }

    private static func padded(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}

/// The files of a checkpoint: one, or those that the index names.
private struct Shards {
    private var files: [String: SafetensorsFile] = [:]
    /// File name of each tensor; empty for a single file.
    private var places: [String: String] = [:]
    private let origin: FilePath

    init(_ folder: FilePath) throws {
        let index = folder.appending(Checkpoint.index)
        guard FileSystem.exists(index) else {
            origin = folder.appending(Checkpoint.single)
            guard FileSystem.exists(origin) else {
                throw CheckpointError(folder, "has neither \(Checkpoint.single) nor \(Checkpoint.index)")
            }
            files[Checkpoint.single] = try SafetensorsFile(origin)
            return
        }
        origin = index
        let document = try JSONDocument(parsing: FileSystem.read(index), name: index.string)
        guard let members = document.root["weight_map"]?.members else {
            throw CheckpointError(index, "has no weight_map")
        }
        for member in members {
            guard let name = member.value.string, FilePath.Component(name) != nil, name != ".." else {
                throw CheckpointError(
                    index, tensor: member.key, "is not mapped to a file name in this folder")
            }
            places[member.key] = name
            if files[name] == nil {
                let path = folder.appending(name)
                guard FileSystem.exists(path) else {
                    throw CheckpointError(index, tensor: member.key, "lies in \(name), which is missing")
                }
                files[name] = try SafetensorsFile(path)
            }
        }
    }

    func file(holding tensor: String) throws(CheckpointError) -> SafetensorsFile {
        let name = places.isEmpty ? Checkpoint.single : places[tensor]
        guard let name, let file = files[name] else {
            throw CheckpointError(origin, tensor: tensor, "is missing from the weight_map")
        }
        return file
    }

    /// Names of all tensors, by file.
    var names: [(FilePath, [String])] { files.values.map { ($0.map.path, Array($0.entries.keys)) } }
}
