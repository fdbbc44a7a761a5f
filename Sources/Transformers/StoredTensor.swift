internal import Files
internal import Numerics

/// One parameter in its file.
struct StoredTensor {
    private let file: SafetensorsFile
    private let name: String
    private let specification: ParameterSpecification

    init(_ file: SafetensorsFile, _ name: String, _ specification: ParameterSpecification) {
        self.file = file
        self.name = name
        self.specification = specification
    }

    /// In 32-bit floats, where it lies if the file holds such.
    func matrix() throws(CheckpointError) -> Matrix {
        let shape =
            specification.isVector
            ? [specification.columns] : [specification.rows, specification.columns]
        return try file.matrix(
            name, shape: shape, rows: specification.rows, columns: specification.columns)
    }

    /// In the form in which a model of this precision uses it: vectors in 32-bit floats, the embedding as it is stored,
    /// linear layers packed.
    func weight(_ precision: WeightPrecision, threads: Int) throws(CheckpointError) -> Weight {
        if specification.isVector { return .float32(try matrix()) }
        guard specification.role == .embedding else { return try packed(precision, threads: threads) }
        if let rows = try storedRows() { return .rows(rows) }
        return .float32(try matrix())
    }

    /// Packed for products; what the file held of it leaves the memory.
    func packed(_ precision: WeightPrecision, threads: Int) throws(CheckpointError) -> Weight {
        let range = try file.entry(named: name).range
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

    /// The tensor where it lies, if it is bfloat16 and aligned.
    private func storedRows() throws(CheckpointError) -> BFloat16Rows? {
        let entry = try file.entry(named: name)
        guard entry.type == .bfloat16, entry.shape == [specification.rows, specification.columns],
            let base = file.bytes(of: entry).baseAddress, UInt(bitPattern: base) % 2 == 0
        else { return nil }
        return BFloat16Rows(
            owner: file.map, pointer: base.assumingMemoryBound(to: UInt16.self), rows: specification.rows,
            columns: specification.columns)
    }
}
