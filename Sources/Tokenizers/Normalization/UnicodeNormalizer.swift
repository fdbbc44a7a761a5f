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
