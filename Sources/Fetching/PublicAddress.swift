internal import Base
internal import CCurl

/// The parts of a URL that anybody may see, and those that decide who gets credentials.
///
/// User names, passwords, queries (signatures of storage services are there) and fragments are left out.
struct PublicAddress: Sendable, Hashable, CustomStringConvertible {
    /// In lower case: "https".
    let scheme: String
    /// In lower case, brackets of IPv6 addresses included.
    let host: String
    /// The scheme's own unless the URL names one.
    let port: Int
    let path: String
    let hasQuery: Bool
    /// Whether it has a user's name or password.
    let hasUser: Bool
    private let isPortNamed: Bool

    /// Nil for what is no `http` or `https` URL, and for one that readers could understand in two ways: with bytes
    /// outside of printable ASCII, backslashes, or a host that isn't written plainly.
    ///
    /// Its parts are those that libcurl finds, which will connect to them.
    init?(_ url: String) {
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }),
            let (before, after) = url.byteText.cut(at: "://"),
            before.asciiLowercased == "http" || before.asciiLowercased == "https",
            after.bytes.first != UInt8(ascii: "/"), let parts = CurlAddress(url)
        else { return nil }
        scheme = before.asciiLowercased.text
        guard parts.scheme.byteText.asciiLowercased == before.asciiLowercased, !parts.host.isEmpty,
            parts.host.utf8.allSatisfy(Self.isPlain)
        else { return nil }
        host = parts.host.byteText.asciiLowercased.text
        let authority = Substring(after.text.unicodeScalars.prefix { !"/?#".unicodeScalars.contains($0) })
        guard Self.names(host, authority.byteText) else { return nil }
        hasUser = parts.hasUser || authority.byteText.contains("@")
        if let text = parts.port {
            guard let number = Int(text), (1...65535).contains(number) else { return nil }
            (port, isPortNamed) = (number, true)
        } else {
            (port, isPortNamed) = (scheme == "https" ? 443 : 80, false)
        }
        // libcurl gives a path to an address that has none.
        path = parts.path.byteText == "/" && !after.contains("/") ? "" : parts.path
        hasQuery = after.contains("?") || after.contains("#")
    }

    /// Whether the authority of a URL has the host in it as it is, not in another form that libcurl would decode.
    private static func names(_ host: String, _ authority: ByteText) -> Bool {
        let place = authority.cut(atLast: "@")?.after ?? authority
        guard let rest = place.asciiLowercased.dropping(prefix: host.byteText) else { return false }
        return rest.isEmpty || rest.hasPrefix(":")
    }

    /// Whether a byte stands in plain names of hosts, and in numeric addresses.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._:[]".utf8.contains(byte)
        }
    }

    var description: String {
        "\(scheme)://\(host)\(isPortNamed ? ":\(port)" : "")\(path)\(hasQuery ? "?…" : "")"
    }

    /// Whether both belong to one server: what is meant for one may be sent to the other.
    func isSameOrigin(as other: PublicAddress) -> Bool {
        scheme == other.scheme && host == other.host && port == other.port
    }

    /// Whether it is this machine itself.
    var isLoopback: Bool {
        let parts = host.byteText.split(".", keepingEmpty: true)
        return host == "localhost" || host == "[::1]"
            || parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0.text) != nil }
    }

    /// Whether nobody on the way can read or change what is sent.
    var isPrivate: Bool { scheme == "https" || isLoopback }
}

/// A text that no message, log or record may hold.
package struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text itself, for the request that it is meant for.
    let revealed: String

    /// Keeps a text from being printed.
    package init(_ text: String) { revealed = text }

    package var description: String { "(secret)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A URL as libcurl reads it, so that what is decided by its parts is decided by those that it will connect to.
struct CurlAddress {
    let scheme: String
    let host: String
    /// Nil unless the URL names one.
    let port: String?
    let path: String
    /// Whether it has a user's name or password.
    let hasUser: Bool

    /// Nil for what libcurl wouldn't take.
    init?(_ url: String) {
        guard let handle = curl_url() else { return nil }
        defer { curl_url_cleanup(handle) }
        func part(_ part: CURLUPart) -> String? {
            var text: UnsafeMutablePointer<CChar>?
            guard curl_url_get(handle, part, &text, 0) == CURLUE_OK, let text else { return nil }
            defer { curl_free(text) }
            return String(cString: text)
        }
        guard curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK, let scheme = part(CURLUPART_SCHEME),
            let host = part(CURLUPART_HOST)
        else { return nil }
        (self.scheme, self.host) = (scheme, host)
        port = part(CURLUPART_PORT)
        path = part(CURLUPART_PATH) ?? ""
        hasUser = part(CURLUPART_USER) != nil || part(CURLUPART_PASSWORD) != nil
    }
}
