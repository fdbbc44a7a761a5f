internal import Files
internal import Numerics
internal import SystemPackage

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
