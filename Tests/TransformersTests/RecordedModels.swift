import Files
import JSON
import Numerics
import SystemPackage
import TestSupport
import Testing
import Transformers

/// The recorded models of Tests/Fixtures/transformers.
struct RecordedModel {
    static let names = [
        "qwen2_a", "qwen2_b", "qwen3_a", "qwen3_b", "llama_a", "llama_b", "llama_c",
    ]

    let folder: FilePath
    let tensors: SafetensorsFile
    /// What index.json says of the model.
    let entry: JSONNode

    init(_ name: String) throws {
        let root = Fixtures.path("transformers")
        folder = root.appending(name)
        tensors = try SafetensorsFile(root.appending("\(name).safetensors"))
        let path = root.appending("index.json")
        let index = try JSONDocument(parsing: FileSystem.read(path), name: path.string)
        entry = try #require(index.root["models"]?[name])
    }

    /// Lists of tokens, one per case.
    func sequences(_ key: String) throws -> [[Int32]] {
        try #require(entry[key]?.array).map { try #require($0.array).map { Int32(try #require($0.int)) } }
    }

    func matrix(_ name: String) throws -> Matrix {
        let shape = try tensors.entry(named: name).shape
        let columns = shape.last ?? 1
        return try tensors.matrix(
            name, shape: shape, rows: shape.reduce(1, *) / max(1, columns), columns: columns)
    }
}
