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
