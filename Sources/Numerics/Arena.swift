internal import CKernels

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
                // Each as long as all before it: few and large, so that the system gets them back when they are replaced, and
                // of what isn't used no page is taken.
                let grown = consolidates ? (chunks.isEmpty ? peak : chunks.reduce(0) { $0 + $1.count }) : 0
                chunks.append(FloatBuffer(uninitialized: max(needed, minimumChunk, grown)))
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

/// A block of 32-bit floats, aligned to 64 bytes, that lives as long as something refers to it.
///
/// `@unchecked Sendable`: the class only owns memory. Who may write to which part at which time is decided by
/// the code that hands out ``MutableMatrix`` views; every parallel loop here writes disjoint ranges.
public final class FloatBuffer: @unchecked Sendable {
    /// First element; valid for ``count`` elements while the buffer is alive.
    public let pointer: UnsafeMutablePointer<Float>
    /// Number of floats.
    public let count: Int

    /// Allocates `count` floats, all zero.
    public init(zeros count: Int) {
        precondition(count >= 0, "a buffer can't have \(count) elements")
        self.count = count
        pointer = Self.memory(count)
        pointer.initialize(repeating: 0, count: count)
    }

    /// Allocates `count` floats without setting them.
    init(uninitialized count: Int) {
        self.count = count
        pointer = Self.memory(count)
    }

    /// Memory for so many floats; in large pages where it fills some and the system has them, because rows that are
    /// a page apart would each need a translation of their own.
    private static func memory(_ count: Int) -> UnsafeMutablePointer<Float> {
        let (count, page) = (max(count, 1), 2 << 20)
        let isLarge = count * 4 >= page
        let raw = UnsafeMutableRawPointer.allocate(byteCount: count * 4, alignment: isLarge ? page : 64)
        if isLarge { d3_prefer_large_pages(raw, count * 4) }
        return raw.bindMemory(to: Float.self, capacity: count)
    }

    deinit { UnsafeMutableRawPointer(pointer).deallocate() }

    /// Sets every element to zero.
    public func clear() { pointer.update(repeating: 0, count: count) }

    /// Copies all elements of `other`, which must have the same count.
    public func copy(from other: FloatBuffer) {
        precondition(other.count == count, "copying \(other.count) floats into \(count)")
        pointer.update(from: other.pointer, count: count)
    }

    /// A `rows` × `columns` view that starts at element `offset`.
    public func matrix(rows: Int, columns: Int, offset: Int = 0) -> MutableMatrix {
        precondition(
            offset >= 0 && offset + rows * columns <= count,
            "\(rows)x\(columns) at \(offset) exceeds a buffer of \(count)")
        return MutableMatrix(
            owner: self, pointer: pointer + offset, rows: rows, columns: columns, stride: columns)
    }
}
