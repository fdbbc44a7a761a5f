internal import CKernels

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
