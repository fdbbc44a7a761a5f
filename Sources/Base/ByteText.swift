#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

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
    public func hasPrefix(_ prefix: ByteText) -> Bool {
        withBytes { bytes in
            prefix.withBytes { $0.count <= bytes.count && Self.isEqual($0, bytes[..<$0.count]) }
        }
    }

    /// Whether its first bytes are those of `prefix`.
    public func hasPrefix(_ prefix: some StringProtocol) -> Bool { hasPrefix(ByteText(prefix)) }

    /// Whether its last bytes are those of `suffix`.
    public func hasSuffix(_ suffix: ByteText) -> Bool {
        withBytes { bytes in
            suffix.withBytes { $0.count <= bytes.count && Self.isEqual($0, bytes.suffix($0.count)) }
        }
    }

    /// Whether its last bytes are those of `suffix`.
    public func hasSuffix(_ suffix: some StringProtocol) -> Bool { hasSuffix(ByteText(suffix)) }

    /// Whether the bytes of `other` stand in it, one after another.
    public func contains(_ other: ByteText) -> Bool {
        withBytes { bytes in other.withBytes { Self.offset(of: $0, in: bytes, from: 0) != nil } }
    }

    /// Whether the bytes of `other` stand in it, one after another.
    public func contains(_ other: some StringProtocol) -> Bool { contains(ByteText(other)) }

    /// What follows `prefix`; nil where it begins with something else.
    public func dropping(prefix: ByteText) -> ByteText? {
        hasPrefix(prefix) ? part(from: prefix.count) : nil
    }

    /// What stands before `suffix`; nil where it ends with something else.
    public func dropping(suffix: ByteText) -> ByteText? {
        hasSuffix(suffix) ? part(to: count - suffix.count) : nil
    }

    /// The parts between the places where `separator` stands.
    ///
    /// - Parameters:
    ///   - separator: One or more bytes; an empty one separates nothing.
    ///   - maxSplits: The most places that are cut, from the front.
    ///   - keepingEmpty: Whether parts without bytes are given too.
    public func split(_ separator: ByteText, maxSplits: Int = .max, keepingEmpty: Bool = false) -> [ByteText]
    {
        withBytes { bytes in
            separator.withBytes { pattern in
                var parts: [ByteText] = []
                var (start, cuts) = (0, 0)
                func add(to end: Int) {
                    if keepingEmpty || end > start { parts.append(ByteText(bytes: bytes[start..<end])) }
                }
                while cuts < maxSplits, let found = Self.offset(of: pattern, in: bytes, from: start) {
                    // Empty parts that aren't given don't count as cuts, as in the standard library.
                    if keepingEmpty || found > start { cuts += 1 }
                    add(to: found)
                    start = found + pattern.count
                }
                add(to: bytes.count)
                return parts
            }
        }
    }

    /// The parts between characters of ASCII that separate words.
    ///
    /// Those are space, tab, line feed, carriage return, vertical tab and form feed. Empty parts aren't given.
    public var words: [ByteText] {
        bytes.split(whereSeparator: \.isASCIISpace).map { ByteText(bytes: $0) }
    }

    /// The lines, without the line feeds and carriage returns that end them; an empty text is one empty line.
    public var lines: [ByteText] {
        replacing("\r\n", with: "\n").replacing("\r", with: "\n").split("\n", keepingEmpty: true)
    }

    /// What stands before and behind the first place of `separator`; nil where it isn't there.
    public func cut(at separator: ByteText) -> (before: ByteText, after: ByteText)? {
        let found = withBytes { bytes in
            separator.withBytes { Self.offset(of: $0, in: bytes, from: 0) }
        }
        return found.map { (part(to: $0), part(from: $0 + separator.count)) }
    }

    /// As ``cut(at:)`` at the last place of `separator`.
    public func cut(atLast separator: ByteText) -> (before: ByteText, after: ByteText)? {
        let found = withBytes { bytes in
            separator.withBytes { pattern -> Int? in
                guard !pattern.isEmpty, bytes.count >= pattern.count else { return nil }
                return (0...bytes.count - pattern.count).last {
                    Self.isEqual(pattern, bytes[$0..<$0 + pattern.count])
                }
            }
        }
        return found.map { (part(to: $0), part(from: $0 + separator.count)) }
    }

    /// The same with `replacement` wherever `old` stands.
    public func replacing(_ old: ByteText, with replacement: ByteText) -> ByteText {
        guard contains(old) else { return self }
        let joined = split(old, keepingEmpty: true).map(\.bytes).joined(separator: replacement.bytes)
        return ByteText(bytes: Array(joined))
    }

    /// The same with `replacement` wherever `old` stands.
    public func replacing(_ old: some StringProtocol, with replacement: some StringProtocol) -> ByteText {
        replacing(ByteText(old), with: ByteText(replacement))
    }

    /// The same without spaces, tabs and line breaks of ASCII at both ends.
    public var trimmed: ByteText {
        let bytes = Array(self.bytes)
        guard let first = bytes.firstIndex(where: { !$0.isASCIISpace }),
            let last = bytes.lastIndex(where: { !$0.isASCIISpace })
        else { return "" }
        return ByteText(bytes: bytes[first...last])
    }

    /// The same with "A" to "Z" in lower case, as protocols compare names; no other character changes.
    ///
    /// `lowercased()` makes "k" of the Kelvin sign, which no protocol takes for the letter.
    public var asciiLowercased: ByteText {
        guard bytes.contains(where: { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }) else { return self }
        return ByteText(
            bytes: bytes.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 })
    }
}

extension ByteText {
    /// Bytes that are whole characters: UTF-8 is self-synchronising, so that whole characters are found between whole
    /// characters only.
    private init(bytes: some Collection<UInt8>) { text = String(decoding: bytes, as: UTF8.self) }

    private func part(from start: Int) -> ByteText { ByteText(bytes: bytes.dropFirst(start)) }

    private func part(to end: Int) -> ByteText { ByteText(bytes: bytes.prefix(end)) }

    private func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        if let result = text.utf8.withContiguousStorageIfAvailable(body) { return result }
        return Array(text.utf8).withUnsafeBufferPointer(body)
    }

    /// Both have the same number of bytes.
    private static func isEqual(
        _ a: UnsafeBufferPointer<UInt8>, _ b: Slice<UnsafeBufferPointer<UInt8>>
    ) -> Bool {
        guard let other = UnsafeBufferPointer(rebasing: b).baseAddress, let own = a.baseAddress else {
            return true
        }
        return memcmp(own, other, a.count) == 0
    }

    /// The first place of `pattern`, which is never found if it is empty.
    private static func offset(
        of pattern: UnsafeBufferPointer<UInt8>, in bytes: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> Int? {
        guard let first = pattern.first, let base = bytes.baseAddress else { return nil }
        // No place is left for the rest of the pattern behind it.
        let end = bytes.count - pattern.count + 1
        var start = start
        while start < end, let place = memchr(base + start, CInt(first), end - start) {
            let offset = UnsafeRawPointer(place) - UnsafeRawPointer(base)
            if isEqual(pattern, bytes[offset..<offset + pattern.count]) { return offset }
            start = offset + 1
        }
        return nil
    }
}

extension UInt8 {
    fileprivate var isASCIISpace: Bool { self == 0x20 || 0x09...0x0D ~= self }
}

extension ByteText: Hashable, Comparable {
    public static func == (a: ByteText, b: ByteText) -> Bool { a.bytes.elementsEqual(b.bytes) }

    public static func < (a: ByteText, b: ByteText) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }

    public func hash(into hasher: inout Hasher) {
        withBytes { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xFF as UInt8)
    }
}

extension StringProtocol {
    /// The same for those who read bytes.
    public var byteText: ByteText { ByteText(self) }
}

extension ArraySlice<UInt8> {
    /// Calls with each line, its end aside, and its number from 0.
    ///
    /// A list of all of them could be many times as large as the bytes.
    package func eachLine<E: Error>(_ body: (Int, ArraySlice<UInt8>) throws(E) -> Void) throws(E) {
        var (start, number) = (startIndex, 0)
        while true {
            let end = self[start...].firstIndex(of: UInt8(ascii: "\n")) ?? endIndex
            try body(number, self[start..<end])
            guard end < endIndex else { return }
            (start, number) = (end + 1, number + 1)
        }
    }
}
