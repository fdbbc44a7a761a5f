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
