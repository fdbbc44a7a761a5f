/// Puts values into a frame one after another, in the machine's own byte order.
///
/// All ranks run the same program on machines of one kind, which is checked when they meet.
package struct FrameWriter {
    private var frame: Frame

    /// - Parameter capacity: How many bytes are expected; more are possible at the cost of a copy.
    package init(capacity: Int) {
        frame = Frame(uninitialized: max(64, capacity))
        frame.count = 0
    }

    /// What was written; the writer isn't used afterwards.
    func finish() -> Frame { frame }

    /// Adds the bytes of a buffer as they are.
    package mutating func put(bytes: UnsafeRawBufferPointer) {
        let start = frame.count
        reserve(bytes.count)
        frame.count += bytes.count
        UnsafeMutableRawBufferPointer(rebasing: frame.mutableBytes[start...]).copyMemory(from: bytes)
    }

    /// Adds a number.
    package mutating func put<Number: BitwiseCopyable>(_ number: Number) {
        withUnsafeBytes(of: number) { put(bytes: $0) }
    }

    /// Adds how many numbers there are, then the numbers.
    package mutating func put<Number: BitwiseCopyable>(array numbers: UnsafeBufferPointer<Number>) {
        put(numbers.count)
        put(bytes: UnsafeRawBufferPointer(numbers))
    }

    /// Adds how many numbers there are, then the numbers.
    package mutating func put<Number: BitwiseCopyable>(array numbers: [Number]) {
        numbers.withUnsafeBufferPointer { put(array: $0) }
    }

    /// Adds a text with its length.
    package mutating func put(_ text: String) { put(array: Array(text.utf8)) }

    /// Makes room, so that what follows is written without a copy of what is there.
    package mutating func reserve(_ more: Int) {
        let wanted = frame.count + more
        guard wanted > frame.room else { return }
        let larger = Frame(uninitialized: max(wanted, frame.count * 2))
        larger.mutableBytes.copyMemory(from: frame.bytes)
        larger.count = frame.count
        frame = larger
    }
}
