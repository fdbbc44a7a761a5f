/// Scalars that share a grapheme cluster with what stands beside them: they hide a separator from `Character`, not from
/// those who read bytes.
public enum HiddenMarks {
    /// All that have a combining class, extend or enclose what stands before them, or are prepended to what follows.
    public static let all: [Unicode.Scalar] =
        (UInt32(0x80)...0x1_FFFF).compactMap(Unicode.Scalar.init)
        .filter { isHiding($0) }
        + (UInt32(0xE0020)...0xE01EF).compactMap(Unicode.Scalar.init)
        .filter { isHiding($0) }

    /// One of each combining class, and some of the others.
    public static let few: [Unicode.Scalar] = {
        var classes: Set<UInt8> = []
        return all.enumerated().filter { index, scalar in
            classes.insert(scalar.properties.canonicalCombiningClass.rawValue).inserted || index % 150 == 0
        }.map(\.element)
    }()

    /// A separator with a mark behind it, before it, and on both sides.
    public static func beside(_ separator: String, _ mark: Unicode.Scalar) -> [String] {
        ["\(separator)\(mark)", "\(mark)\(separator)", "\(mark)\(separator)\(mark)"]
    }

    private static func isHiding(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        if properties.canonicalCombiningClass != .notReordered || properties.isGraphemeExtend { return true }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: return true
        default: break
        }
        // What is prepended has no property of its own here: whether a slash behind it is hidden tells.
        return "\(scalar)/".count == 1
    }
}
