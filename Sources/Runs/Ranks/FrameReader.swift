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
