internal import Files
internal import Numerics

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
