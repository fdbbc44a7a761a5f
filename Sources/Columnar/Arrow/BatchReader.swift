internal import Base

/// The lengths and the buffers of a record batch, taken one after another.
///
/// Source: apache/arrow, format/Message.fbs.
struct BatchReader {
    let body: [UInt8]
    let rows: Int
    private let budget: MemoryBudget
    private let nodes: [(Int64, Int64)]
    private let buffers: [(Int64, Int64)]
    private var node = 0
    private var buffer = 0

    init(
        _ table: FlatTable, _ body: [UInt8], _ limits: ColumnarLimits, _ budget: MemoryBudget
    ) throws(ReadProblem) {
        self.body = body
        self.budget = budget
        if let compression = try table.table(3) {
            let codec = try compression.integer(0, UInt8.self) == 0 ? "LZ4" : "ZSTD"
            throw .unsupported(
                "Its record batches are compressed by \(codec), which isn't read here. Write the file again without compression."
            )
        }
        let length = try table.integer(0, Int64.self)
        guard length >= 0, length <= limits.pageValues else {
            throw .tooLarge(
                "A record batch has \(length) rows; \(limits.pageValues) are the most that are read.")
        }
        rows = Int(length)
        nodes = try table.pairs(1)
        buffers = try table.pairs(2)
    }

    /// The length of the next column and how many of its values are null.
    mutating func nextNode() throws(ReadProblem) -> (count: Int, nulls: Int) {
        guard node < nodes.count else { throw .damaged("a record batch has too few columns") }
        let (count, nulls) = nodes[node]
        node += 1
        guard (0...1 << 40).contains(count), (0...count).contains(nulls) else {
            throw .damaged("a column has an impossible length")
        }
        return (Int(count), Int(nulls))
    }

    /// Counts the places of a column's values: several columns may refer to one buffer.
    func takePlaces(_ count: Int) throws(ReadProblem) {
        guard budget.take(8 * (count + 1)) else { throw .tooMuchMemory(budget) }
    }

    mutating func nextBuffer() throws(ReadProblem) -> Range<Int> {
        guard buffer < buffers.count else { throw .damaged("a record batch has too few buffers") }
        let (offset, length) = buffers[buffer]
        buffer += 1
        guard offset >= 0, offset <= body.count, length >= 0, length <= Int64(body.count) - offset else {
            throw .damaged("a column goes beyond its record batch")
        }
        return Int(offset)..<Int(offset + length)
    }
}
