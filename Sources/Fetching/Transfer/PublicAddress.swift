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

    /// Nil for what is no `http` or `https` URL.
    init?(_ url: String) {
        guard let colon = url.firstRange(of: "://"),
            url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != 0x5C })
        else {
            return nil
        }
        scheme = url[..<colon.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        let rest = url[colon.upperBound...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        var authority = rest[..<end]
        hasUser = authority.contains("@")
        if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
        let afterHost = authority.lastIndex(of: "]") ?? authority.startIndex
        if let mark = authority[afterHost...].lastIndex(of: ":") {
            guard let number = Int(authority[authority.index(after: mark)...]), (1...65535).contains(number)
            else {
                return nil
            }
            (port, isPortNamed) = (number, true)
            authority = authority[..<mark]
        } else {
            (port, isPortNamed) = (scheme == "https" ? 443 : 80, false)
        }
        host = authority.lowercased()
        guard !host.isEmpty else { return nil }
        let tail = rest[end...]
        let pathEnd = tail.firstIndex { $0 == "?" || $0 == "#" } ?? tail.endIndex
        path = String(tail[..<pathEnd])
        hasQuery = pathEnd < tail.endIndex
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
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return host == "localhost" || host == "[::1]"
            || parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// Whether nobody on the way can read or change what is sent.
    var isPrivate: Bool { scheme == "https" || isLoopback }
}

/// A text that no message, log or record may hold.
public struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text itself, for the request that it is meant for.
    let revealed: String

    /// Keeps a text from being printed.
    public init(_ text: String) { revealed = text }

    public var description: String { "(secret)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
