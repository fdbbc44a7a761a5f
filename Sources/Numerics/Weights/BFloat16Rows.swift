/// A read-only, row-major view of bfloat16 numbers as files hold them.
///
/// `@unchecked Sendable`: it only reads, and `owner` keeps the memory alive.
public struct BFloat16Rows: @unchecked Sendable {
    /// What keeps the memory alive.
    public let owner: AnyObject
    /// Element (0, 0); the upper halves of floats.
    public let pointer: UnsafePointer<UInt16>
    public let rows: Int
    public let columns: Int

    /// Rows that lie one after another in memory that `owner` keeps alive.
    public init(owner: AnyObject, pointer: UnsafePointer<UInt16>, rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0, "bad view \(rows)x\(columns)")
        self.owner = owner
        self.pointer = pointer
        self.rows = rows
        self.columns = columns
    }

    /// Widens one row to floats.
    public func widen(row: Int, into out: UnsafeMutablePointer<Float>) {
        precondition(row >= 0 && row < rows, "row \(row) of \(rows)")
        BFloat16.widen(
            pointer + row * columns, into: UnsafeMutableBufferPointer(start: out, count: columns))
    }
}
