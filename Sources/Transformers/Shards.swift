internal import Files
internal import JSON
internal import SystemPackage

/// The files of a checkpoint: one, or those that the index names.
struct Shards {
    private var files: [String: any TensorFile] = [:]
    /// File name of each tensor; empty for a single file.
    private var places: [String: String] = [:]
    private let origin: FilePath

    /// The only file of a model in GGUF.
    init(_ model: GGUFModel) {
        origin = model.path
        files[Checkpoint.single] = model
    }

    init(_ folder: FilePath) throws {
        let index = folder.appending(Checkpoint.index)
        let single = folder.appending(Checkpoint.single)
        // A folder may have both, where a merged model was saved over one in shards: transformers takes the single file.
        guard FileSystem.exists(index), !FileSystem.exists(single) else {
            origin = single
            guard FileSystem.exists(origin) else {
                throw CheckpointError(folder, "has neither \(Checkpoint.single) nor \(Checkpoint.index)")
            }
            files[Checkpoint.single] = try SafetensorsFile(origin)
            return
        }
        origin = index
        let document = try JSONDocument(
            parsing: FileSystem.read(index), name: index.string, allowNonFinite: true)
        guard let members = document.root["weight_map"]?.members else {
            throw CheckpointError(index, "has no weight_map")
        }
        for member in members {
            // One plain component, and the same text again: a NUL character would cut it short.
            guard let name = member.value.string, let component = FilePath.Component(name),
                component.kind == .regular, component.string == name
            else {
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

    func file(holding tensor: String) throws(CheckpointError) -> any TensorFile {
        let name = places.isEmpty ? Checkpoint.single : places[tensor]
        guard let name, let file = files[name] else {
            throw CheckpointError(origin, tensor: tensor, "is missing from the weight_map")
        }
        return file
    }

    var all: [any TensorFile] { Array(files.values) }

    /// What says which model they hold, for messages.
    var describer: String { all.first is GGUFModel ? "the file's metadata" : "config.json" }
}
