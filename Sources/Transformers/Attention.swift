package import Numerics

/// Scaled dot-product attention of one sequence, head by head.
struct Attention: Sendable {
    let heads: Int
    let keyValueHeads: Int
    let headWidth: Int
    let scale: Float

    init(_ c: TransformerConfiguration) {
        heads = c.heads
        keyValueHeads = c.keyValueHeads
        headWidth = c.headWidth
        scale = 1 / Float(c.headWidth).squareRoot()
    }

    private func columns(_ head: Int) -> Range<Int> { head * headWidth..<(head + 1) * headWidth }

    private func keyValueColumns(_ head: Int) -> Range<Int> { columns(head / (heads / keyValueHeads)) }

    /// `output` (T × H·K) from queries (T × H·K) and keys and values (C × kv·K), keeping what the gradient needs.
    ///
    /// `visible` says what each query row attends to. `probabilities` (H·T × C) receives the softmax of head h in
    /// rows h·T….
    func forward(
        query: Matrix, keys: Matrix, values: Matrix, visible: VisibleRows, probabilities: MutableMatrix,
        output: MutableMatrix, threads: Int
    ) {
        let t = query.rows
        Threads.parallelFor(heads, threads: threads) { (h: Int) -> Void in
            attend(
                h, rows: 0..<t, query: query, keys: keys, values: values, visible: visible,
                probabilities: probabilities.slice(rows: h * t..<(h + 1) * t), output: output)
        }
    }

    /// The same for inference: head by head and band of rows by band of rows, on the workspace's threads.
    func forward(
        query: Matrix, keys: Matrix, values: Matrix, visible: VisibleRows, output: MutableMatrix,
        _ workspace: Workspace
    ) {
        let band = min(query.rows, Self.band)
        let bands = (query.rows + band - 1) / band
        let work = heads * query.rows * keys.rows * headWidth
        let workers = work < 2_000_000 ? 1 : min(workspace.threads, heads * bands)
        let arena = workspace.arena
        let mark = arena.mark
        let scratch = arena.matrix(workers * band, keys.rows)
        Threads.parallelFor(heads * bands, workers: workers) { worker, task in
            let first = task % bands * band
            let rows = first..<min(first + band, query.rows)
            let start = worker * band
            attend(
                task / bands, rows: rows, query: query, keys: keys, values: values, visible: visible,
                probabilities: scratch.slice(rows: start..<start + rows.count), output: output)
        }
        arena.release(to: mark)
    }

    /// Rows of queries whose scores are held at a time.
    private static let band = 128

    /// One head's rows of the output; `probabilities` has a row for each.
    private func attend(
        _ head: Int, rows: Range<Int>, query: Matrix, keys: Matrix, values: Matrix, visible: VisibleRows,
        probabilities: MutableMatrix, output: MutableMatrix
    ) {
        let kv = keyValueColumns(head)
        let every = 0..<keys.rows
        BLAS.multiply(
            query.slice(rows: rows, columns: columns(head)), keys.slice(rows: every, columns: kv),
            transposeB: true, into: probabilities)
        if let windows = visible.windows {
            Kernels.softmaxRows(
                probabilities, limits: visible.limits[rows], windows: windows[rows], scale: scale)
        } else {
            Kernels.softmaxRows(probabilities, limits: visible.limits[rows], scale: scale)
        }
        BLAS.multiply(
            probabilities.view, values.slice(rows: every, columns: kv),
            into: output.slice(rows: rows, columns: columns(head)))
    }

    /// Gradients of ``forward(query:keys:values:visible:probabilities:output:threads:)``.
    ///
    /// `dQuery` (T × H·K) is written; `dKeys` and `dValues` (C × kv·K) are added to, by the heads that share them in
    /// order. `rows` says of which of C positions the queries are, where they aren't all.
    func backward(
        dOutput: Matrix, query: Matrix, rows: [Int]?, keys: Matrix, values: Matrix, probabilities: Matrix,
        dQuery: MutableMatrix, dKeys: MutableMatrix, dValues: MutableMatrix, _ arena: Arena, threads: Int
    ) {
        let t = query.rows
        let all = 0..<t
        let every = 0..<keys.rows
        let group = heads / keyValueHeads
        let workers = max(1, min(threads, keyValueHeads))
        let memory = arena.matrix(workers * t, keys.rows)
        Threads.parallelFor(keyValueHeads, workers: workers) { worker, shared in
            let scratch = memory.slice(rows: worker * t..<(worker + 1) * t)
            for h in shared * group..<(shared + 1) * group {
                let p = probabilities.slice(rows: h * t..<(h + 1) * t)
                let kv = keyValueColumns(h)
                let dOut = dOutput.slice(rows: all, columns: columns(h))
                BLAS.multiplyTransposed(
                    p, dOut, rows: rows, of: keys.rows, into: dValues.slice(rows: every, columns: kv),
                    accumulate: true)
                BLAS.multiply(dOut, values.slice(rows: every, columns: kv), transposeB: true, into: scratch)
                Kernels.softmaxRowsBackward(scratch, p: p, scale: scale)
                BLAS.multiply(
                    scratch.view, keys.slice(rows: every, columns: kv),
                    into: dQuery.slice(rows: all, columns: columns(h)))
                BLAS.multiplyTransposed(
                    scratch.view, query.slice(rows: all, columns: columns(h)), rows: rows, of: keys.rows,
                    into: dKeys.slice(rows: every, columns: kv), accumulate: true)
            }
        }
    }
}

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
    package private(set) var length = 0
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
    package func truncate(to length: Int) {
        precondition(length >= 0 && length <= self.length, "can't cut a cache of \(self.length) to \(length)")
        self.length = length
    }

    /// Forgets the positions from `length` on but for those of `range`, which move up behind the others.
    package func truncate(to length: Int, keeping range: Range<Int>) {
        precondition(
            length >= 0 && range.lowerBound >= length && range.upperBound <= self.length,
            "can't cut a cache of \(self.length) to \(length) and \(range)")
        for buffer in keys + values where range.lowerBound > length {
            let target = buffer.pointer + length * columns
            // What moves may overlap with its new place.
            target.update(from: buffer.pointer + range.lowerBound * columns, count: range.count * columns)
        }
        self.length = length + range.count
    }

    /// Keys of layer `layer`, `rows` × (kv heads · K); row p holds what is at cache index p.
    package func keyMatrix(_ layer: Int, rows: Int) -> MutableMatrix {
        keys[layer].matrix(rows: rows, columns: columns)
    }

    /// Values of layer `layer`, `rows` × (kv heads · K).
    package func valueMatrix(_ layer: Int, rows: Int) -> MutableMatrix {
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

/// The keys of a sequence that one of its rows sees: the first ones, and a window behind those.
public struct VisibleKeys: Sendable, Hashable {
    /// How many of the first keys.
    public var prefix: Int
    /// Keys from ``prefix`` on; may be empty.
    public var window: Range<Int>

    public init(prefix: Int, window: Range<Int> = 0..<0) { (self.prefix, self.window) = (prefix, window) }
}

/// Positions and visible keys of every row of a sequence, where they don't follow from its place.
///
/// Keys are counted from the first of the cache that the sequence has, if it has one.
/// With it a sequence is two streams: the clean tokens, then as many noisy ones at the same positions, whose rows see clean
/// tokens before their block and noisy ones of it (Fast-dLLM v2, NBDiff, SDAR, MultiTF). Or it is several continuations of one
/// cache, which don't see each other (Jacobi decoding's candidates, trees of drafts).
public struct RowGeometry: Sendable, Hashable {
    /// Rotary position of each row.
    public var positions: [Int32]
    /// What each row sees.
    public var visible: [VisibleKeys]

    public init(positions: [Int32], visible: [VisibleKeys]) {
        precondition(positions.count == visible.count, "each row has a position and sees something")
        (self.positions, self.visible) = (positions, visible)
    }

    /// Clean tokens and as many noisy ones in blocks: a noisy row sees the clean blocks before its own and its own noisy block, a
    /// clean row no noisy token.
    ///
    /// - Parameters:
    ///   - length: tokens of one stream.
    ///   - isCausal: whether a clean row sees what is before it only (NBDiff) instead of its whole block.
    public static func twoStreams(length: Int, blockLength: Int, isCausal: Bool = false) -> RowGeometry {
        func block(of position: Int) -> Range<Int> {
            let start = position / blockLength * blockLength
            return start..<min(start + blockLength, length)
        }
        let clean = (0..<length).map { VisibleKeys(prefix: isCausal ? $0 + 1 : block(of: $0).upperBound) }
        let noisy = (0..<length).map { position in
            let block = block(of: position)
            return VisibleKeys(
                prefix: block.lowerBound, window: length + block.lowerBound..<length + block.upperBound)
        }
        let positions = (0..<Int32(length))
        return RowGeometry(positions: Array(positions) + Array(positions), visible: clean + noisy)
    }

    /// Several continuations of a cache, one behind the other: each sees the cache and, causally, itself.
    ///
    /// - Parameters:
    ///   - count: continuations.
    ///   - length: tokens of each.
    ///   - cached: keys of the cache.
    ///   - seen: those of them that are seen, from the first; nil for all.
    ///   - position: rotary position of the first token of each.
    package static func continuations(
        _ count: Int, length: Int, cached: Int, seen: Int? = nil, from position: Int
    ) -> RowGeometry {
        let visible = (0..<count).flatMap { index -> [VisibleKeys] in
            let start = cached + index * length
            return (1...length).map { VisibleKeys(prefix: seen ?? cached, window: start..<start + $0) }
        }
        let positions = (0..<count).flatMap { _ in position..<position + length }
        return RowGeometry(positions: positions.map(Int32.init), visible: visible)
    }

    /// A continuation of a cache, and behind it tokens that could stand in the place of some of its own: each sees what is before
    /// the one that it could replace, and itself.
    ///
    /// - Parameters:
    ///   - length: tokens of the continuation.
    ///   - siblings: for each further token, which one it could replace, from 0.
    ///   - cached: keys of the cache.
    ///   - position: rotary position of the first token.
    package static func comb(length: Int, siblings: [Int], cached: Int, from position: Int) -> RowGeometry {
        let chain = (0..<length).map { VisibleKeys(prefix: cached + $0 + 1) }
        let others = siblings.enumerated().map { index, place in
            let own = cached + length + index
            return VisibleKeys(prefix: cached + place, window: own..<own + 1)
        }
        let positions = (Array(0..<length) + siblings).map { Int32(position + $0) }
        return RowGeometry(positions: positions, visible: chain + others)
    }
}

/// What the query rows of one sequence attend to.
struct VisibleRows: Sendable {
    /// How many of the first keys, by row.
    var limits: [Int32]
    /// Which keys behind those, by row; nil where no row has any.
    var windows: [Range<Int>]?
}

extension ForwardInput {
    /// What the given rows see of `cached` keys and the input's own behind them.
    func visible(to rows: some Collection<Int>, cached: Int) -> VisibleRows {
        if let geometry {
            return VisibleRows(
                limits: rows.map { Int32(geometry.visible[$0].prefix) },
                windows: rows.map { geometry.visible[$0].window })
        }
        return VisibleRows(
            limits: rows.map { row in
                let horizon = attention.horizon(of: firstPosition + row)
                if horizon == .max { return Int32(cached + tokens.count) }
                return Int32(cached + min(tokens.count, max(0, horizon - firstPosition)))
            })
    }
}
