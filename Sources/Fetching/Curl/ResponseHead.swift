/// The status and the header fields of a response.
struct ResponseHead: Sendable {
    /// 0 before any response came.
    var status = 0
    /// In order; names in lower case.
    private(set) var fields: [(name: String, value: String)] = []
    private var byteCount = 0

    /// More than this isn't a header of any server worth talking to.
    static let limit = 64 << 10

    /// The first field of that name (lower case); nil when there is none.
    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    /// Takes a line as it came, its end included; false when there have been too many.
    ///
    /// A status line begins a new response: interim ones and those of proxies come before the real one.
    mutating func take(_ line: UnsafeRawBufferPointer) -> Bool {
        byteCount += line.count
        guard byteCount <= Self.limit else { return false }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            fields = []
            return true
        }
        guard let colon = text.firstIndex(of: ":") else { return true }
        fields.append((text[..<colon].lowercased(), Self.trimmed(text[text.index(after: colon)...])))
        return true
    }

    /// The tag of the content if bytes of it may be told by it: weak ones only promise the same meaning.
    var strongTag: String? {
        guard let tag = self["etag"], !tag.hasPrefix("W/"), tag.hasPrefix("\""), tag.hasSuffix("\""),
            tag.count > 2,
            tag.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else { return nil }
        return tag
    }

    /// The first byte and the size of the whole that a partial response names: `bytes 100-199/200`, the size perhaps
    /// unknown.
    var contentRange: (start: Int, total: Int?)? {
        guard let text = self["content-range"], text.hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst(6).split(separator: "/")
        guard parts.count == 2, let dash = parts[0].firstIndex(of: "-"), let start = Int(parts[0][..<dash]),
            start >= 0
        else { return nil }
        return (start, Int(parts[1]))
    }

    /// How many bytes the response says that it has.
    var contentLength: Int? { self["content-length"].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil } }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while let last = text.last, last.isWhitespace { text.removeLast() }
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        return String(text)
    }
}
