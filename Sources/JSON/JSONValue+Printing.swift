internal import Base

extension JSONValue {
    /// The same as ``prettyBytes()`` for what may be a terminal: invisible characters in strings (C1, DEL, marks that turn
    /// the direction, line separators) are written as escapes, which mean the same.
    ///
    /// - Parameter isCompact: One line instead, as ``compactBytes()``, with a line break at its end.
    /// - Throws: `JSONWritingError` for a number that is infinite or not a number.
    public func printedText(isCompact: Bool = false) throws(JSONWritingError) -> String {
        let bytes = isCompact ? try compactBytes() + [UInt8(ascii: "\n")] : try prettyBytes()
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.unicodeScalars.contains(where: Self.needsEscape) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard Self.needsEscape(scalar) else {
                result.append(scalar)
                continue
            }
            // They stand in strings only.
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                let zeros = String(repeating: "0", count: 4 - digits.utf8.count)
                result.append(contentsOf: "\\u\(zeros)\(digits)".unicodeScalars)
            }
        }
        return String(result)
    }

    private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool { scalar.isInvisible && scalar != "\n" }
}
