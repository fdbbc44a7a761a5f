internal import CUTF8Proc

/// Brings text into one of Unicode's normalization forms and keeps track of where it came from.
///
/// Where characters are put together or taken apart, origins are those of Hugging Face's library: what is composed
/// stands for the first scalar alone (é from e and U+0301 for the e), what is decomposed for the whole.
struct UnicodeNormalizer: Sendable {
    let form: UnicodeForm

    /// Whether `text` is in this form for sure; false where only normalizing can tell.
    func isSurelyNormalized(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        // Below U+0300 nothing combines; NFC changes nothing there, the other forms nothing in ASCII. The lead byte
        // of U+0300 is 0xCC.
        let limit: UInt8 = form == .nfc ? 0xCC : 0x80
        // Continuation bytes are below the limit of NFC, and come after a lead byte that isn't in the other forms.
        guard let first = text.firstIndex(where: { $0 >= limit }) else { return true }
        guard form == .nfc else { return false }
        var bytes = UnsafeBufferPointer(rebasing: text[first...]).makeIterator()
        var decoder = UTF8()
        while case .scalarValue(let scalar) = decoder.decode(&bytes) {
            if !UnicodeData.isInertInNFC(scalar) { return false }
        }
        return true
    }

    /// `text` in this form.
    func normalize(_ text: AlignedText) -> AlignedText {
        var scalars: [Change] = []
        var source: [AlignedText.Origin] = []
        var bytes = text.bytes.makeIterator()
        var decoder = UTF8()
        var offset = 0
        while case .scalarValue(let scalar) = decoder.decode(&bytes) {
            source.append(text.origins[offset])
            offset += UTF8.width(scalar)
            for (index, part) in UnicodeData.decomposition(scalar, compatible: form.isCompatible).enumerated()
            {
                scalars.append(Change(part, inserted: index > 0 ? 1 : 0))
            }
        }
        order(&scalars)
        return align(form.composes ? compose(scalars) : scalars, source)
    }

    /// A scalar of the result, and how it changes the number of scalars: 1 if it was inserted, 0 if it takes the
    /// place of the next one, -n if it takes that place and n more are gone.
    private struct Change {
        var scalar: Unicode.Scalar
        let combiningClass: UInt8
        var inserted: Int

        init(_ scalar: Unicode.Scalar, inserted: Int) {
            self.scalar = scalar
            self.inserted = inserted
            combiningClass = UnicodeData.combiningClass(scalar)
        }
    }

    /// Sorts runs of combining scalars by their class; those of one class stay in order.
    private func order(_ scalars: inout [Change]) {
        var start = 0
        while start < scalars.count {
            guard scalars[start].combiningClass != 0 else {
                start += 1
                continue
            }
            var end = start
            while end < scalars.count, scalars[end].combiningClass != 0 { end += 1 }
            // Insertion keeps the order of equals, which `sort` doesn't promise; runs have few elements.
            for index in (start + 1)..<max(start + 1, end) {
                var place = index
                while place > start, scalars[place - 1].combiningClass > scalars[place].combiningClass {
                    scalars.swapAt(place - 1, place)
                    place -= 1
                }
            }
            start = end
        }
    }

    /// Composes each starter with what follows it and isn't blocked.
    private func compose(_ scalars: [Change]) -> [Change] {
        var result: [Change] = []
        var starter: Int?
        var lastClass: UInt8?
        for next in scalars {
            if let place = starter, (lastClass ?? 0) < next.combiningClass || lastClass == nil,
                let composed = UnicodeData.composition(result[place].scalar, next.scalar)
            {
                let inserted = result[place].inserted + next.inserted - 1
                result[place] = Change(composed, inserted: inserted)
                continue
            }
            if next.combiningClass == 0 {
                starter = result.count
                lastClass = nil
            } else if starter != nil {
                lastClass = next.combiningClass
            }
            result.append(next)
        }
        return result
    }

    /// Gives each scalar the origin of what it replaces, in order of their places.
    private func align(_ changes: [Change], _ source: [AlignedText.Origin]) -> AlignedText {
        var result = AlignedText()
        var place = 0
        for change in changes {
            if change.inserted > 0 {
                let origin = place > 0 ? source[place - 1] : AlignedText.Origin(start: 0, end: 0)
                result.append(change.scalar, origin)
            } else {
                result.append(change.scalar, source[min(place, source.count - 1)])
                place += 1 - change.inserted
            }
        }
        return result
    }
}

/// Unicode's normalization forms, under the names that a `tokenizer.json` gives them.
enum UnicodeForm: String, Sendable, CaseIterable {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"

    /// Whether characters are put together after they were taken apart.
    var composes: Bool { self == .nfc || self == .nfkc }
    /// Whether characters give way to those that they are compatible with, as ﬁ to fi.
    var isCompatible: Bool { self == .nfkc || self == .nfkd }
}

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
        // utf8proc 2.8 takes U+11A7, the place before the first trailing consonant, for one, and swallows it.
        if second == "\u{11A7}" { return nil }
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
