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

/// Text on its way to becoming tokens, and where it stood originally.
///
/// Holds pointers: valid only inside the call that gives it.
struct TextSource {
    /// All of the text.
    let text: UnsafeBufferPointer<UInt8>
    /// Where each byte came from, counted from `shift`; nil for original text.
    let origins: UnsafeBufferPointer<AlignedText.Origin>?
    /// What the offsets of `origins` count from.
    let shift: Int
    /// Whether anyone will ask for original ranges; without that, `origins` may be missing.
    let tracksOrigins: Bool

    /// The part of the original that `range` stands for, as whole scalars.
    func original(_ range: Range<Int>) -> Range<Int> {
        if let origins {
            return shift + Int(origins[range.lowerBound].start)..<shift
                + Int(origins[range.upperBound - 1].end)
        }
        var (start, end) = (range.lowerBound, range.upperBound)
        while start > 0, !text.isScalarBoundary(start) { start -= 1 }
        while !text.isScalarBoundary(end) { end += 1 }
        return start..<end
    }

    /// Calls `body` with the text of `range` behind a space, which stands for the first scalar of the range.
    func prefixingSpace(to range: Range<Int>, _ body: (TextSource) -> Void) {
        let bytes = [UInt8(ascii: " ")] + text[range]
        var moved: [AlignedText.Origin] = []
        if tracksOrigins {
            moved.reserveCapacity(bytes.count)
            for offset in range {
                let place = original(offset..<(offset + 1))
                moved.append(.init(start: UInt32(place.lowerBound), end: UInt32(place.upperBound)))
            }
            moved.insert(moved[0], at: 0)
        }
        bytes.withUnsafeBufferPointer { bytes in
            moved.withUnsafeBufferPointer { moved in
                body(TextSource(text: bytes, origins: moved, shift: 0, tracksOrigins: tracksOrigins))
            }
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether a scalar begins at `offset`, or the text ends there; the bytes are UTF-8.
    func isScalarBoundary(_ offset: Int) -> Bool { offset >= count || self[offset] & 0xC0 != 0x80 }

    /// The scalar that begins at `offset`; nil at the end.
    func scalar(at offset: Int) -> Unicode.Scalar? {
        guard offset < count else { return nil }
        var bytes = UnsafeBufferPointer(rebasing: self[offset...]).makeIterator()
        var decoder = UTF8()
        guard case .scalarValue(let scalar) = decoder.decode(&bytes) else { return nil }
        return scalar
    }

    /// The scalar that ends before `offset`; nil at the beginning.
    func scalar(endingAt offset: Int) -> Unicode.Scalar? {
        guard offset > 0 else { return nil }
        var start = offset - 1
        while start > 0, self[start] & 0xC0 == 0x80 { start -= 1 }
        return scalar(at: start)
    }
}
