public import Numerics

/// What a forward pass does to the cache it attends to (golden notes, "update semantics").
public enum CacheUpdate: Sendable, Hashable {
    /// The input's keys and values are used and forgotten.
    case none
    /// Those of the first n input tokens are appended.
    case append(Int)
    /// Those of the whole input replace the rows from `at` on (Fast-dLLM's dual cache); attention is over the
    /// cache alone.
    case overwrite(at: Int)
}

/// Rotated keys and values of one sequence, per layer.
///
/// Confined to one worker at a time.
public final class KeyValueCache {
    private let columns: Int
    private let layers: Int
    private(set) var capacity: Int
    /// Positions held.
    public private(set) var length = 0
    private var keys: [FloatBuffer]
    private var values: [FloatBuffer]

    /// - Parameter capacity: positions for which memory is taken now; it grows when more are needed.
    public init(_ configuration: TransformerConfiguration, capacity: Int) {
        columns = configuration.keyValueWidth
        layers = configuration.layers
        self.capacity = max(capacity, 1)
        keys = []
        values = []
        keys = (0..<layers).map { _ in FloatBuffer(zeros: self.capacity * columns) }
        values = (0..<layers).map { _ in FloatBuffer(zeros: self.capacity * columns) }
    }

    /// Forgets the positions from `length` on.
    public func truncate(to length: Int) {
        precondition(length >= 0 && length <= self.length, "can't cut a cache of \(self.length) to \(length)")
        self.length = length
    }

    /// Keys of layer `layer`, `rows` × (kv heads · K); row p holds what is at cache index p.
    public func keyMatrix(_ layer: Int, rows: Int) -> MutableMatrix {
        keys[layer].matrix(rows: rows, columns: columns)
    }

    /// Values of layer `layer`, `rows` × (kv heads · K).
    public func valueMatrix(_ layer: Int, rows: Int) -> MutableMatrix {
        values[layer].matrix(rows: rows, columns: columns)
    }

    func reserve(_ rows: Int) {
        guard rows > capacity else { return }
        let grown = max(rows, capacity * 2)
        func enlarge(_ old: FloatBuffer) -> FloatBuffer {
            let new = FloatBuffer(zeros: grown * columns)
            new.pointer.update(from: old.pointer, count: length * columns)
            return new
        }
        keys = keys.map(enlarge)
        values = values.map(enlarge)
        capacity = grown
    }

    func extend(by count: Int) { length += count }
}
