internal import Files
internal import JSON
internal import Numerics
internal import SystemPackage

/// One parameter in its file.
struct StoredTensor {
    private let file: any TensorFile
    private let name: String
    private let specification: ParameterSpecification
    private let change: Change?

    /// What an adapter adds to it.
    struct Change {
        let pair: LoRAAdapter.Pair
        let scaling: Float
    }

    init(
        _ file: any TensorFile, _ name: String, _ specification: ParameterSpecification,
        _ change: Change? = nil
    ) {
        self.change = change
        self.file = file
        self.name = name
        self.specification = specification
    }

    /// In 32-bit floats, where it lies if the file holds such and no adapter changes it.
    func matrix() throws(CheckpointError) -> Matrix {
        let shape =
            specification.isVector
            ? [specification.columns] : [specification.rows, specification.columns]
        let stored = try file.matrix(
            name, shape: shape, rows: specification.rows, columns: specification.columns)
        guard let change else { return stored }
        let merged = MutableMatrix(zeros: stored.rows, stored.columns)
        merged.copy(from: stored)
        BLAS.multiply(change.pair.b, change.pair.a, into: merged, scale: change.scaling, accumulate: true)
        return merged.view
    }

    /// In the form in which a model of this precision uses it: vectors in 32-bit floats, the embedding as it is stored,
    /// linear layers packed.
    func weight(_ precision: WeightPrecision, threads: Int) throws(CheckpointError) -> Weight {
        if specification.isVector { return .float32(try matrix()) }
        guard specification.role == .embedding else { return try packed(precision, threads: threads) }
        if let rows = try storedRows() { return .rows(rows) }
        return .float32(try matrix())
    }

    /// As it is stored, for layers that aren't trained: only its scales of 8 bits, and what an adapter changes, are copies.
    func frozen(_ form: FrozenForm, threads: Int) throws(CheckpointError) -> Weight {
        if specification.isVector { return .float32(try matrix()) }
        if specification.role == .embedding {
            if let rows = try storedRows() { return .rows(rows) }
            return .float32(try matrix())
        }
        return .frozen(try product(form, threads: threads))
    }

    /// The same for products, which those with the embedding are where it is the head.
    func product(_ form: FrozenForm, threads: Int) throws(CheckpointError) -> FrozenWeight {
        let stored: FrozenWeight =
            if let rows = try storedRows() { FrozenWeight(.bfloat16(rows)) } else {
                FrozenWeight(.float32(try matrix()))
            }
        guard form == .int8 else { return stored }
        let range = try file.range(of: name)
        file.map.advise(range, isNeeded: true)
        defer { file.map.advise(range, isNeeded: false) }
        return FrozenWeight(.int8(Int8Rows(quantizing: stored, threads: threads)))
    }

    /// Packed for products; what the file held of it leaves the memory.
    func packed(_ precision: WeightPrecision, threads: Int) throws(CheckpointError) -> Weight {
        let range = try file.range(of: name)
        file.map.advise(range, isNeeded: true)
        defer { file.map.advise(range, isNeeded: false) }
        if let rows = try storedRows() {
            switch precision {
            case .float32: break
            case .bfloat16: return .bfloat16(BFloat16Weight(rows, threads: threads))
            case .int8: return .int8(Int8Weight(rows, threads: threads))
            }
        }
        let matrix = try matrix()
        switch precision {
        case .float32: return .float32(matrix)
        case .bfloat16: return .bfloat16(BFloat16Weight(rounding: matrix, threads: threads))
        case .int8: return .int8(Int8Weight(quantizing: matrix, threads: threads))
        }
    }

    /// The tensor where it lies, if it is bfloat16 and aligned, and no adapter changes it.
    private func storedRows() throws(CheckpointError) -> BFloat16Rows? {
        guard change == nil else { return nil }
        let shape = [specification.rows, specification.columns]
        guard let base = try file.bfloat16(name, shape: shape)?.baseAddress, UInt(bitPattern: base) % 2 == 0
        else { return nil }
        return BFloat16Rows(
            owner: file.map, pointer: base.assumingMemoryBound(to: UInt16.self), rows: specification.rows,
            columns: specification.columns)
    }
}

/// A file with tensors of a checkpoint, under the names that the model's family gives them.
protocol TensorFile: Sendable {
    var map: MappedFile { get }
    var names: [String] { get }

    /// What the file itself calls a tensor.
    func ownName(of name: String) -> String

    /// Where a tensor lies in the file.
    /// - Throws: ``CheckpointError`` for a tensor that isn't there.
    func range(of name: String) throws(CheckpointError) -> Range<Int>

    /// A tensor as a `rows` × `columns` matrix of 32-bit floats, where it lies if the file holds such.
    /// - Throws: ``CheckpointError`` when it is missing or has another shape or type.
    func matrix(_ name: String, shape: [Int], rows: Int, columns: Int) throws(CheckpointError) -> Matrix

    /// The bytes of a tensor in bfloat16 whose rows lie as the model wants them; nil for any other.
    func bfloat16(_ name: String, shape: [Int]) throws(CheckpointError) -> UnsafeRawBufferPointer?

    /// Whether a tensor is in bfloat16.
    func isBFloat16(_ name: String) throws(CheckpointError) -> Bool

    /// Whether a tensor has more bits than are read of it.
    func isRounded(_ name: String) throws(CheckpointError) -> Bool
}

extension SafetensorsFile: TensorFile {
    var names: [String] { Array(entries.keys) }

    func ownName(of name: String) -> String { name }

    func range(of name: String) throws(CheckpointError) -> Range<Int> { try entry(named: name).range }

    func bfloat16(_ name: String, shape: [Int]) throws(CheckpointError) -> UnsafeRawBufferPointer? {
        let entry = try entry(named: name)
        return entry.type == .bfloat16 && entry.shape == shape ? bytes(of: entry) : nil
    }

    func isBFloat16(_ name: String) throws(CheckpointError) -> Bool {
        try entry(named: name).type == .bfloat16
    }

    func isRounded(_ name: String) throws(CheckpointError) -> Bool { try entry(named: name).type == .float64 }
}

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
