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
