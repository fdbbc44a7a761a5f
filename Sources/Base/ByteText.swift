/// Text compared, searched and cut by its UTF-8 bytes, as the kernel, a shell, curl, a browser and every protocol do.
///
/// `String` compares grapheme clusters: "/" followed by a combining mark is one `Character` that isn't "/", and two
/// different byte sequences can be equal. Whatever somebody else will read as bytes (a path, a URL, a header, a word of
/// a shell, markup, a name that identifies something) goes through this type. `scripts/check-bytes.py` refuses the
/// methods of `String` that don't.
public struct ByteText: Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The same as a string, byte for byte.
    public let text: String

    /// Wraps a string; nothing is normalised.
    public init(_ text: some StringProtocol) {
        self.text = String(text)
    }

    public init(stringLiteral text: String) {
        self.text = text
    }

    /// Its UTF-8 bytes.
    public var bytes: String.UTF8View { text.utf8 }

    public var description: String { text }

    /// The number of UTF-8 bytes.
    public var count: Int { text.utf8.count }

    /// Whether it has no bytes.
    public var isEmpty: Bool { text.utf8.isEmpty }

    /// Whether its first bytes are those of `prefix`.
    public func hasPrefix(_ prefix: ByteText) -> Bool { bytes.starts(with: prefix.bytes) }

    /// Whether its last bytes are those of `suffix`.
    public func hasSuffix(_ suffix: ByteText) -> Bool {
        bytes.reversed().starts(with: suffix.bytes.reversed())
    }

    /// Whether the bytes of `other` stand in it, one after another.
    public func contains(_ other: ByteText) -> Bool { range(of: other) != nil }

    /// What follows `prefix`; nil where it begins with something else.
    public func dropping(prefix: ByteText) -> ByteText? {
        hasPrefix(prefix) ? ByteText(text.utf8.dropFirst(prefix.count)) : nil
    }

    /// What stands before `suffix`; nil where it ends with something else.
    public func dropping(suffix: ByteText) -> ByteText? {
        hasSuffix(suffix) ? ByteText(text.utf8.dropLast(suffix.count)) : nil
    }

    /// The parts between the places where `separator` stands.
    ///
    /// - Parameters:
    ///   - separator: One or more bytes; an empty one separates nothing.
    ///   - maxSplits: The most places that are cut, from the front.
    ///   - keepingEmpty: Whether parts without bytes are given too.
    public func split(_ separator: ByteText, maxSplits: Int = .max, keepingEmpty: Bool = false) -> [ByteText]
    {
        var parts: [ByteText] = []
        var rest = text.utf8[...]
        var cuts = 0
        func add(_ part: Substring.UTF8View) {
            if keepingEmpty || !part.isEmpty { parts.append(ByteText(part)) }
        }
        while cuts < maxSplits, let found = Self.range(of: separator.bytes, in: rest) {
            // Empty parts that aren't given don't count as cuts, as in the standard library.
            if keepingEmpty || found.lowerBound != rest.startIndex { cuts += 1 }
            add(rest[..<found.lowerBound])
            rest = rest[found.upperBound...]
        }
        add(rest)
        return parts
    }

    /// What stands before and behind the first place of `separator`; nil where it isn't there.
    public func cut(at separator: ByteText) -> (before: ByteText, after: ByteText)? {
        guard let found = range(of: separator) else { return nil }
        return (ByteText(text.utf8[..<found.lowerBound]), ByteText(text.utf8[found.upperBound...]))
    }

    /// As ``cut(at:)`` at the last place of `separator`.
    public func cut(atLast separator: ByteText) -> (before: ByteText, after: ByteText)? {
        var last: Range<String.Index>?
        var rest = text.utf8[...]
        while let found = Self.range(of: separator.bytes, in: rest) {
            last = found
            rest = text.utf8[text.utf8.index(after: found.lowerBound)...]
        }
        return last.map { (ByteText(text.utf8[..<$0.lowerBound]), ByteText(text.utf8[$0.upperBound...])) }
    }

    /// The same with `replacement` wherever `old` stands.
    public func replacing(_ old: ByteText, with replacement: ByteText) -> ByteText {
        let parts = split(old, keepingEmpty: true)
        var joined: [UInt8] = []
        joined.reserveCapacity(count)
        for (index, part) in parts.enumerated() {
            if index > 0 { joined += replacement.bytes }
            joined += part.bytes
        }
        return ByteText(String(decoding: joined, as: UTF8.self))
    }

    private func range(of other: ByteText) -> Range<String.Index>? {
        Self.range(of: other.bytes, in: text.utf8[...])
    }

    /// The first place of `pattern`, which is never found if it is empty.
    ///
    /// UTF-8 is self-synchronising: whole characters are found between whole characters only.
    private static func range(
        of pattern: String.UTF8View, in text: Substring.UTF8View
    ) -> Range<String.Index>? {
        guard let first = pattern.first else { return nil }
        var start = text.startIndex
        while let candidate = text[start...].firstIndex(of: first) {
            let rest = text[candidate...]
            if rest.starts(with: pattern) {
                return candidate..<text.index(candidate, offsetBy: pattern.count)
            }
            start = text.index(after: candidate)
        }
        return nil
    }
}

extension ByteText: Hashable, Comparable {
    public static func == (a: ByteText, b: ByteText) -> Bool { a.bytes.elementsEqual(b.bytes) }

    public static func < (a: ByteText, b: ByteText) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }

    public func hash(into hasher: inout Hasher) {
        for byte in bytes { hasher.combine(byte) }
        hasher.combine(0xFF as UInt8)
    }
}

extension StringProtocol {
    /// The same for those who read bytes.
    public var byteText: ByteText { ByteText(self) }
}

extension ByteText {
    /// Bytes that are whole characters.
    private init(_ view: Substring.UTF8View) {
        text = String(decoding: view, as: UTF8.self)
    }
}
