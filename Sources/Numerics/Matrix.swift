/// A read-only, row-major view of 32-bit floats: `rows` × `columns`, `stride` elements from row to row.
///
/// The view keeps its memory alive through `owner`. `@unchecked Sendable`: it only reads, and whoever writes to
/// the same memory through a ``MutableMatrix`` does so before or after, never during, a parallel section that
/// reads it.
public struct Matrix: @unchecked Sendable {
    /// What keeps the memory alive: a ``FloatBuffer`` or a mapped file.
    public let owner: AnyObject
    /// Element (0, 0).
    public let pointer: UnsafePointer<Float>
    public let rows: Int
    public let columns: Int
    /// Distance between the starts of neighbouring rows, in elements; at least ``columns``.
    public let stride: Int

    /// Makes a view of memory that `owner` keeps alive.
    public init(owner: AnyObject, pointer: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int) {
        precondition(rows >= 0 && columns >= 0 && stride >= columns, "bad view \(rows)x\(columns)/\(stride)")
        self.owner = owner
        self.pointer = pointer
        self.rows = rows
        self.columns = columns
        self.stride = stride
    }

    /// Copies `elements`, given row by row, into new memory.
    public init(rows: Int, columns: Int, elements: [Float]) {
        precondition(elements.count == rows * columns, "\(elements.count) elements for \(rows)x\(columns)")
        let buffer = FloatBuffer(uninitialized: elements.count)
        buffer.pointer.initialize(from: elements, count: elements.count)
        self = buffer.matrix(rows: rows, columns: columns).view
    }

    /// One element, with its place checked; loops over many take ``row(_:)`` instead.
    public subscript(row: Int, column: Int) -> Float {
        precondition(
            row >= 0 && row < rows && column >= 0 && column < columns, "(\(row),\(column)) is outside")
        return pointer[row * stride + column]
    }

    /// The elements of one row; valid while the view's owner is alive.
    public func row(_ index: Int) -> UnsafeBufferPointer<Float> {
        precondition(index >= 0 && index < rows, "row \(index) of \(rows)")
        return UnsafeBufferPointer(start: pointer + index * stride, count: columns)
    }

    /// The rectangle of the given rows and columns.
    public func slice(rows r: Range<Int>, columns c: Range<Int>? = nil) -> Matrix {
        let c = c ?? 0..<columns
        precondition(
            r.lowerBound >= 0 && r.upperBound <= rows && c.lowerBound >= 0 && c.upperBound <= columns,
            "a rectangle within the matrix")
        return Matrix(
            owner: owner, pointer: pointer + r.lowerBound * stride + c.lowerBound, rows: r.count,
            columns: c.count, stride: stride)
    }

    /// Whether rows follow one another without gaps.
    public var isContiguous: Bool { stride == columns || rows <= 1 }

    /// All elements, row by row.
    public var elements: [Float] { (0..<rows).flatMap { Array(row($0)) } }
}

/// A writable ``Matrix``.
///
/// `@unchecked Sendable`: parallel code must write disjoint rows.
public struct MutableMatrix: @unchecked Sendable {
    public let owner: AnyObject
    public let pointer: UnsafeMutablePointer<Float>
    public let rows: Int
    public let columns: Int
    public let stride: Int

    public init(
        owner: AnyObject, pointer: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int
    ) {
        precondition(rows >= 0 && columns >= 0 && stride >= columns, "bad view \(rows)x\(columns)/\(stride)")
        self.owner = owner
        self.pointer = pointer
        self.rows = rows
        self.columns = columns
        self.stride = stride
    }

    /// A new `rows` × `columns` matrix of zeros.
    public init(zeros rows: Int, _ columns: Int) {
        self = FloatBuffer(zeros: rows * columns).matrix(rows: rows, columns: columns)
    }

    /// The same memory, read only.
    public var view: Matrix {
        Matrix(owner: owner, pointer: UnsafePointer(pointer), rows: rows, columns: columns, stride: stride)
    }

    /// One element, with its place checked; loops over many take ``row(_:)`` instead.
    public subscript(row: Int, column: Int) -> Float {
        get { view[row, column] }
        nonmutating set {
            precondition(
                row >= 0 && row < rows && column >= 0 && column < columns, "an element within the matrix")
            pointer[row * stride + column] = newValue
        }
    }

    /// The elements of one row; valid while the view's owner is alive.
    public func row(_ index: Int) -> UnsafeMutableBufferPointer<Float> {
        precondition(index >= 0 && index < rows, "row \(index) of \(rows)")
        return UnsafeMutableBufferPointer(start: pointer + index * stride, count: columns)
    }

    /// The rectangle of the given rows and columns.
    public func slice(rows r: Range<Int>, columns c: Range<Int>? = nil) -> MutableMatrix {
        let c = c ?? 0..<columns
        precondition(
            r.lowerBound >= 0 && r.upperBound <= rows && c.lowerBound >= 0 && c.upperBound <= columns,
            "a rectangle within the matrix")
        return MutableMatrix(
            owner: owner, pointer: pointer + r.lowerBound * stride + c.lowerBound, rows: r.count,
            columns: c.count, stride: stride)
    }

    /// Whether rows follow one another without gaps.
    public var isContiguous: Bool { stride == columns || rows <= 1 }

    /// Sets every element to `value`.
    public func fill(_ value: Float) {
        for r in 0..<rows { (pointer + r * stride).update(repeating: value, count: columns) }
    }

    /// Copies `source`, which must have the same shape.
    public func copy(from source: Matrix) {
        precondition(source.rows == rows && source.columns == columns, "copying between different shapes")
        for r in 0..<rows {
            (pointer + r * stride).update(from: source.pointer + r * source.stride, count: columns)
        }
    }
}
