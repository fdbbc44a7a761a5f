/// Text that was changed, and where each of its bytes came from.
struct AlignedText {
    /// UTF-8.
    var bytes: [UInt8]
    /// For each byte the bytes of the original that it stands for: whole scalars.
    var origins: [Origin]

    /// A range of the original.
    struct Origin: Equatable {
        var start: UInt32
        var end: UInt32
    }

    /// Text that stands for itself.
    init(_ text: UnsafeBufferPointer<UInt8>) {
        bytes = Array(text)
        origins = []
        origins.reserveCapacity(text.count)
        var start = 0
        for offset in text.indices.dropFirst() + [text.count] where text.isScalarBoundary(offset) {
            let origin = Origin(start: UInt32(start), end: UInt32(offset))
            for _ in start..<offset { origins.append(origin) }
            start = offset
        }
    }

    /// Text without bytes, to be filled.
    init() {
        bytes = []
        origins = []
    }

    /// Appends a scalar that stands for `origin`.
    mutating func append(_ scalar: Unicode.Scalar, _ origin: Origin) {
        for byte in scalar.utf8 {
            bytes.append(byte)
            origins.append(origin)
        }
    }
}
