internal import CUTF8Proc

/// What normalization needs to know of each scalar, from utf8proc.
///
/// Hugging Face's library normalizes by Unicode 9.0, found by comparing the two on every scalar. Later scalars stay
/// as they are here too: text with them would get other tokens than those that a model was trained with.
enum UnicodeData {
    /// Whether a scalar was there in Unicode 9.0.
    static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x300 || (scalar.properties.age?.major ?? .max) <= 9
    }

    /// The canonical combining class; 0 for a scalar that starts something new.
    static func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
        guard isKnown(scalar) else { return 0 }
        return UInt8(truncatingIfNeeded: utf8proc_get_property(Int32(scalar.value)).pointee.combining_class)
    }

    /// The full decomposition of a scalar, in order; the scalar itself if it has none.
    static func decomposition(_ scalar: Unicode.Scalar, compatible: Bool) -> [Unicode.Scalar] {
        guard isKnown(scalar) else { return [scalar] }
        var options = UTF8PROC_DECOMPOSE.rawValue
        if compatible { options |= UTF8PROC_COMPAT.rawValue }
        var boundary: Int32 = 0
        // The longest decomposition, that of U+FDFA, has 18 scalars.
        let values = [Int32](unsafeUninitializedCapacity: 32) { buffer, count in
            let written = utf8proc_decompose_char(
                Int32(scalar.value), buffer.baseAddress, buffer.count, utf8proc_option_t(options), &boundary)
            count = (0...buffer.count).contains(written) ? written : 0
        }
        let scalars = values.compactMap { Unicode.Scalar(UInt32(bitPattern: $0)) }
        return scalars.isEmpty ? [scalar] : scalars
    }

    /// What two neighbouring scalars are composed to, if anything.
    static func composition(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
        guard isKnown(first), isKnown(second) else { return nil }
        var pair = [Int32(first.value), Int32(second.value)]
        let options = UTF8PROC_COMPOSE.rawValue | UTF8PROC_STABLE.rawValue
        guard utf8proc_normalize_utf32(&pair, 2, utf8proc_option_t(options)) == 1 else { return nil }
        return Unicode.Scalar(UInt32(bitPattern: pair[0]))
    }

    /// Whether a scalar stays as it is in NFC, whatever stands beside it: it neither decomposes nor combines with
    /// what comes before.
    static func isInertInNFC(_ scalar: Unicode.Scalar) -> Bool {
        let value = Int(scalar.value)
        if value < 0x300 { return true }
        guard value < activeBits.count * 64 else {
            // Beyond the table only the compatibility ideographs of plane 2 are normalized.
            return !(0x2F800..<0x2FA20).contains(value)
        }
        return activeBits[value / 64] >> (value % 64) & 1 == 0
    }

    /// One bit for each scalar of planes 0 and 1 that NFC may change; filled on first use in some milliseconds.
    private static let activeBits: [UInt64] = {
        var bits = [UInt64](repeating: 0, count: 0x20000 / 64)
        func mark(_ scalar: Unicode.Scalar) {
            if scalar.value < 0x20000 { bits[Int(scalar.value) / 64] |= 1 << (scalar.value % 64) }
        }
        for value in UInt32(0)..<0x20000 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            if combiningClass(scalar) != 0 { mark(scalar) }
            let parts = decomposition(scalar, compatible: false)
            guard parts != [scalar] else { continue }
            // What is second in a decomposition may be composed with what stands before it. Hangul vowels and
            // trailing consonants are of class 0 and found here.
            for part in parts.dropFirst() { mark(part) }
            if parts.count == 1 || composition(parts) != scalar { mark(scalar) }
        }
        return bits
    }()

    /// What all of `parts` compose to, if it is a single scalar.
    private static func composition(_ parts: [Unicode.Scalar]) -> Unicode.Scalar? {
        var result = parts[0]
        for part in parts.dropFirst() {
            guard let next = composition(result, part) else { return nil }
            result = next
        }
        return result
    }
}
