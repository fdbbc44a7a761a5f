internal import Base

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
        let text = String(decoding: line, as: UTF8.self).byteText
        if text.hasPrefix("HTTP/") {
            fields = []
            return true
        }
        guard let (name, value) = text.cut(at: ":") else { return true }
        fields.append((name.asciiLowercased.text, value.trimmed.text))
        return true
    }

    /// The tag of the content if bytes of it may be told by it: weak ones only promise the same meaning.
    var strongTag: String? {
        guard let tag = self["etag"]?.byteText, tag.hasPrefix("\""), tag.hasSuffix("\""), tag.count > 2,
            tag.bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else { return nil }
        return tag.text
    }

    /// The first byte and the size of the whole that a partial response names: `bytes 100-199/200`, the size perhaps
    /// unknown.
    var contentRange: (start: Int, total: Int?)? {
        guard let range = self["content-range"]?.byteText.dropping(prefix: "bytes "),
            let (bytes, total) = range.cut(at: "/"),
            let start = bytes.cut(at: "-").flatMap({ Int($0.before.text) }),
            start >= 0
        else { return nil }
        return (start, Int(total.text))
    }

    /// How many bytes the response says that it has.
    var contentLength: Int? { self["content-length"].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil } }
}
