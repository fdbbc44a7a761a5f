internal import Base
internal import Documents
internal import JSON
internal import Sessions

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension Server {
    /// Finds who answers a request.
    ///
    /// - Throws: `HTTPProblem`; ``ConnectionLost``.
    func route(_ request: HTTPRequest, _ responder: HTTPResponder) throws {
        try OriginCheck(allowedHosts: options.allowedHosts).check(request)
        if let asset = Asset.at(request.path) {
            try request.expect(["GET", "HEAD"])
            return try responder.send(
                200, asset.type, asset.bytes, headers: Asset.headers)
        }
        switch request.path {
        case "/health":
            try request.expect(["GET"])
            try responder.send(200, health)
        case "/api/model":
            try request.expect(["GET"])
            try responder.send(200, try description)
        case "/v1/models":
            try request.expect(["GET"])
            try responder.send(200, ["object": "list", "data": [modelObject]])
        case "/v1/models/\(model.name)":
            try request.expect(["GET"])
            try responder.send(200, modelObject)
        case "/api/decode":
            try stream(try body(of: request), responder)
        case "/v1/chat/completions":
            try complete(CompletionRequest(try body(of: request), isChat: true, self), responder)
        case "/v1/completions":
            try complete(CompletionRequest(try body(of: request), isChat: false, self), responder)
        default:
            throw HTTPProblem(404, "There is nothing at \(request.path.prefix(200)).")
        }
    }

    /// The members of a request's JSON object.
    private func body(of request: HTTPRequest) throws -> RequestValue {
        try request.expect(["POST"])
        // A form of a foreign page can send text, but not this without the browser asking first.
        guard request["content-type"]?.byteText.asciiLowercased.hasPrefix("application/json") == true else {
            throw HTTPProblem(415, "Send the body as application/json.")
        }
        let root: JSONNode
        do throws(JSONSyntaxError) {
            root = try JSONDocument(parsing: request.body, name: "body").root
        } catch {
            throw HTTPProblem(
                400, "The body is no JSON: line \(error.line), column \(error.column): \(error.message)")
        }
        guard root.members != nil else { throw HTTPProblem(400, "The body has to be a JSON object.") }
        return RequestValue(root, subject: "the request")
    }
}

/// Who may ask a server.
struct OriginCheck: Sendable {
    /// Names of the server besides localhost and numbers.
    let allowedHosts: [String]

    /// Refuses requests that a foreign web page made a browser send.
    ///
    /// A page can point its own name at this machine (DNS rebinding): then the browser sends that name as host. Names are
    /// refused but for those that nobody else can own; numeric addresses can't be rebound.
    func check(_ request: HTTPRequest) throws(HTTPProblem) {
        guard let host = request["host"], isOwn(host) else {
            throw HTTPProblem(
                421,
                "This server doesn't answer to the host \"\((request["host"] ?? "").prefix(100))\". "
                    + "Use localhost or its number, or start it with --allow-host NAME.")
        }
        guard let origin = request["origin"] else { return }
        // A page of this server comes from the address that the request is for, whatever number that is. Any other
        // number is a machine that somebody else may own.
        guard let authority = origin.byteText.cut(at: "://")?.after.text,
            let name = HostName(authority),
            name.isLoopback || isAllowed(name)
                || authority.lowercased().byteText == host.lowercased().byteText
        else { throw HTTPProblem(403, "Requests of other web pages aren't answered.") }
    }

    /// Whether a host, with or without port, is this server.
    private func isOwn(_ host: String) -> Bool {
        guard let name = HostName(host) else { return false }
        return name.isNumeric || name.isLoopback || isAllowed(name)
    }

    private func isAllowed(_ name: HostName) -> Bool {
        allowedHosts.contains { $0.lowercased().byteText == name.text.byteText }
    }
}

extension ByteText {
    /// Whether it consists of digits, perhaps of none.
    fileprivate var isDigits: Bool { bytes.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } }
}

/// A file of the web page; they are part of the program, and there are no others.
struct Asset: Sendable {
    let type: String
    let bytes: [UInt8]

    /// The file at a path.
    static func at(_ path: String) -> Asset? {
        switch path {
        case "/": Asset(type: "text/html; charset=utf-8", bytes: PackageResources.page_html)
        case "/page.css": Asset(type: "text/css; charset=utf-8", bytes: PackageResources.page_css)
        case "/page.js": Asset(type: "text/javascript; charset=utf-8", bytes: PackageResources.page_js)
        default: nil
        }
    }

    /// The page loads nothing from elsewhere, runs no script but its own, and isn't shown inside another.
    static let headers = [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    ]
}

/// The host of a `Host` or `Origin` header, which a port may follow.
struct HostName: Sendable, Hashable {
    /// In small letters, without port and brackets.
    let text: String
    /// Whether it is an address, which nobody can point elsewhere.
    let isNumeric: Bool
    /// Whether it is this machine, whoever asks.
    let isLoopback: Bool

    /// Takes a header apart; nil for what isn't a name or an address, with or without a port.
    init?(_ header: String) {
        let bytes = Array(header.utf8)
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        let lower = header.lowercased().byteText
        if let inner = lower.dropping(prefix: "[") {
            guard let (address, port) = inner.cut(at: "]"), Self.isPort(port),
                let number = Self.number(address.text, AF_INET6, count: 16)
            else { return nil }
            let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
            (text, isNumeric) = (address.text, true)
            isLoopback =
                number == [UInt8](repeating: 0, count: 15) + [1]
                || (number.starts(with: mapped) && number[12] == 127)
            return
        }
        let parts = lower.split(":", maxSplits: 1, keepingEmpty: true)
        guard let name = parts.first, parts.count == 1 || Self.isPort(":" + parts[1].text) else { return nil }
        text = name.text
        if let number = Self.number(name.text, AF_INET, count: 4) {
            (isNumeric, isLoopback) = (true, number[0] == 127)
        } else {
            (isNumeric, isLoopback) = (false, name == "localhost")
        }
    }

    /// Whether nothing or a port follows a host.
    private static func isPort(_ text: ByteText) -> Bool {
        guard !text.isEmpty else { return true }
        return text.bytes.first == UInt8(ascii: ":")
            && text.bytes.dropFirst().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func isPort(_ text: String) -> Bool { isPort(text.byteText) }

    /// The bytes of a numeric address, in the one form that all programs read alike.
    private static func number(_ text: String, _ family: CInt, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}
