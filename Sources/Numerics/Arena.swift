/// Scratch memory for one thread: matrices are taken one after another and given back all at once.
///
/// A forward pass needs the same shapes again and again; taking them from an arena makes that free of
/// allocation after the first pass. Not thread-safe: one arena per worker.
public final class Arena {
    private var chunks: [FloatBuffer] = []
    private var chunk = 0
    private var used = 0
    private let minimumChunk: Int
    private let consolidates: Bool
    /// Floats in use, and the most that ever were.
    private var live = 0
    private var peak = 0

    /// - Parameters:
    ///   - minimumChunk: smallest number of floats that is asked of the system at a time.
    ///   - consolidates: whether ``reset()`` replaces several blocks of memory by one of the size that was needed: for
    ///     arenas whose matrices come in several orders, between which blocks of fixed sizes would lie unused.
    public init(minimumChunk: Int = 1 << 18, consolidates: Bool = false) {
        self.minimumChunk = minimumChunk
        self.consolidates = consolidates
    }

    /// A position that ``release(to:)`` goes back to.
    public struct Mark {
        fileprivate let chunk: Int
        fileprivate let used: Int
        fileprivate let live: Int
    }

    public var mark: Mark { Mark(chunk: chunk, used: used, live: live) }

    /// Gives back everything taken since `mark`; views of it must not be used any more.
    public func release(to mark: Mark) {
        chunk = mark.chunk
        used = mark.used
        live = mark.live
    }

    /// Gives back everything.
    public func reset() {
        chunk = 0
        used = 0
        live = 0
        if consolidates && chunks.count > 1 { chunks = [] }
    }

    /// A `rows` × `columns` matrix whose content is undefined.
    public func matrix(_ rows: Int, _ columns: Int) -> MutableMatrix {
        let needed = (rows * columns + 15) & ~15  // keeps each matrix on a 64-byte boundary
        while true {
            if chunk == chunks.count {
                let first = consolidates && chunks.isEmpty ? peak : 0
                chunks.append(FloatBuffer(uninitialized: max(needed, minimumChunk, first)))
            }
            let buffer = chunks[chunk]
            if used + needed <= buffer.count {
                let result = buffer.matrix(rows: rows, columns: columns, offset: used)
                used += needed
                live += needed
                peak = max(peak, live)
                return result
            }
            chunk += 1
            used = 0
        }
    }

    /// A `rows` × `columns` matrix of zeros.
    public func zeros(_ rows: Int, _ columns: Int) -> MutableMatrix {
        let result = matrix(rows, columns)
        result.fill(0)
        return result
    }

    /// Bytes held, used or not.
    public var bytes: Int { chunks.reduce(0) { $0 + $1.count * 4 } }
}
