import Dispatch
import Synchronization

/// Takes values out of a frame in the order in which they were put there.
///
/// Nothing that a frame says is believed without a look at how long it is: it may come from a rank that is broken.
package struct FrameReader: Sendable {
    private let frame: Frame
    private var offset = 0

    package init(_ frame: Frame) { self.frame = frame }

    /// How many bytes are left.
    package var remaining: Int { frame.count - offset }

    /// The next number.
    ///
    /// - Throws: `FrameError` when the frame ends before it.
    package mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type = Number.self)
        throws(FrameError) -> Number
    {
        try unaligned(Number.self)
    }

    /// The next 32-bit float.
    package mutating func float() throws(FrameError) -> Float { Float(bitPattern: try number()) }

    /// The next 64-bit float.
    package mutating func double() throws(FrameError) -> Double { Double(bitPattern: try number()) }

    /// The next truth value, which is one byte.
    package mutating func bool() throws(FrameError) -> Bool { try number(UInt8.self) != 0 }

    /// The next array of numbers.
    package mutating func array<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type = Number.self)
        throws(FrameError) -> [Number]
    {
        let count = try length(of: MemoryLayout<Number>.stride)
        let bytes = try raw(count * MemoryLayout<Number>.stride)
        return [Number](unsafeUninitializedCapacity: count) { buffer, initialized in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
            initialized = count
        }
    }

    /// The next array of 32-bit floats, copied to a place that has exactly so many.
    package mutating func floats(into target: UnsafeMutableBufferPointer<Float>) throws(FrameError) {
        let count = try length(of: 4)
        guard count == target.count else {
            throw FrameError(description: "it has \(count) numbers where \(target.count) belong")
        }
        UnsafeMutableRawBufferPointer(target).copyMemory(from: try raw(count * 4))
    }

    /// As many 32-bit floats as fit, whose number isn't in the frame.
    package mutating func rawFloats(into target: UnsafeMutableBufferPointer<Float>) throws(FrameError) {
        UnsafeMutableRawBufferPointer(target).copyMemory(from: try raw(target.count * 4))
    }

    /// The next text.
    package mutating func text() throws(FrameError) -> String {
        String(decoding: try array(UInt8.self), as: UTF8.self)
    }

    /// How many things follow, each of at least `size` bytes.
    package mutating func length(of size: Int) throws(FrameError) -> Int {
        let count = try number(Int.self)
        guard count >= 0, count <= remaining / max(1, size) else {
            throw FrameError(description: "it ends in the middle of \(count) values")
        }
        return count
    }

    private mutating func unaligned<Value: BitwiseCopyable>(_: Value.Type) throws(FrameError) -> Value {
        try raw(MemoryLayout<Value>.size).loadUnaligned(as: Value.self)
    }

    private mutating func raw(_ count: Int) throws(FrameError) -> UnsafeRawBufferPointer {
        guard count <= remaining else {
            throw FrameError(description: "it ends \(count - remaining) bytes too early")
        }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: frame.bytes[offset..<offset + count])
    }
}

/// Bytes that travel between ranks, 64-byte aligned, without the copies that arrays of large numbers would cost.
///
/// `@unchecked Sendable`: whoever makes a frame fills it before it is handed on; from then on it is only read.
package final class Frame: @unchecked Sendable {
    private let pointer: UnsafeMutableRawPointer
    private let capacity: Int
    /// How many bytes it holds.
    package internal(set) var count: Int

    /// A frame whose bytes aren't set yet.
    package init(uninitialized count: Int) {
        capacity = max(count, 1)
        self.count = count
        pointer = .allocate(byteCount: capacity, alignment: 64)
    }

    deinit { pointer.deallocate() }

    /// How many bytes it could hold.
    var room: Int { capacity }

    /// What it holds; valid while the frame is alive.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: pointer, count: count) }

    /// The same for who fills it.
    package var mutableBytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: pointer, count: count)
    }
}

/// A frame that isn't what its reader expects.
package struct FrameError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    /// - Parameter description: What is wrong, as a phrase that goes on from "its answer is no …:".
    package init(description: String) { self.description = description }
}

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

/// A question to a rank that is under way.
package final class RankCall: Sendable {
    package let rank: Int
    /// When it was sent.
    package let start = ContinuousClock.now
    let holdsThread: Bool
    private let completion: (@Sendable (RankCall) -> Void)?
    private let outcome = Mutex<(result: Result<FrameReader, any Error>, time: ContinuousClock.Instant)?>(nil)
    private let arrived = DispatchSemaphore(value: 0)

    package init(rank: Int, holdsThread: Bool, completion: (@Sendable (RankCall) -> Void)?) {
        self.rank = rank
        self.holdsThread = holdsThread
        self.completion = completion
    }

    /// The answer, or ``RankLost`` or ``RankFailure``; nil while there is none.
    package var result: Result<FrameReader, any Error>? { outcome.withLock { $0?.result } }

    /// When the answer came.
    package var end: ContinuousClock.Instant? { outcome.withLock { $0?.time } }

    /// Waits for the answer no longer than that; nil when none came.
    ///
    /// A call is never waited for without a bound: a rank that isn't heard of is lost, and its calls with it, but one
    /// that computes without an end is still heard of.
    package func wait(_ duration: Duration) -> Result<FrameReader, any Error>? {
        let (seconds, rest) = duration.components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(rest / 1_000_000_000)
        if result == nil, arrived.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success {
            arrived.signal()
        }
        return result
    }

    func complete(_ result: Result<FrameReader, any Error>) {
        outcome.withLock { $0 = $0 ?? (result, .now) }
        arrived.signal()
        completion?(self)
    }
}
