internal import Base
internal import Documents
internal import JSON

/// A request whose head and body have arrived whole.
struct HTTPRequest: Sendable {
    let method: String
    /// The path without query, as it was sent: nothing is decoded, so that it names exactly one thing.
    let path: String
    /// By lower-case name.
    let headers: [String: String]
    var body: [UInt8] = []
    /// Whether the connection may be used again.
    let keepsAlive: Bool

    /// The value of a header.
    subscript(_ name: String) -> String? { headers[name] }

    /// Refuses other methods than these.
    func expect(_ methods: [String]) throws(HTTPProblem) {
        guard !methods.contains(method) else { return }
        throw HTTPProblem(
            405, "\(path) takes \(methods.joined(separator: " or ")), not \(method.prefix(20)).")
    }
}

/// What is wrong with a request, as the answer to it.
struct HTTPProblem: Error, Sendable, Hashable {
    let status: Int
    /// A sentence.
    let message: String
    /// Name of the wrong member or header.
    var parameter: String?
    /// Seconds after which it may be tried again.
    var retryAfter: Int?

    init(_ status: Int, _ message: String, parameter: String? = nil, retryAfter: Int? = nil) {
        self.status = status
        self.message = message
        self.parameter = parameter
        self.retryAfter = retryAfter
    }
}

/// A value of a request's body.
typealias RequestValue = DocumentValue<HTTPProblem>

extension HTTPProblem: DocumentProblem {
    init(_ flaw: DocumentFlaw) {
        self.init(
            400, flaw.message.capitalizedFirst, parameter: flaw.path.isEmpty ? nil : flaw.path)
    }
}

extension HTTPRequest {
    /// Reads the head of a request: everything before the empty line, without it.
    ///
    /// Stricter than it has to be: what two programs could understand differently is refused.
    init(head: ArraySlice<UInt8>) throws(HTTPProblem) {
        guard head.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x0D || $0 == 0x0A || $0 == 0x09 }),
            let text = String(validating: head, as: UTF8.self)
        else { throw HTTPProblem(400, "The head of the request has bytes that don't belong there.") }
        let lines = text.byteText.split("\r\n", keepingEmpty: true)
        let parts = (lines.first ?? "").split(" ", keepingEmpty: true)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].bytes.allSatisfy(\.isLetter) else {
            throw HTTPProblem(400, "The request doesn't begin with method, target and version.")
        }
        guard parts[2] == "HTTP/1.1" || parts[2] == "HTTP/1.0" else {
            throw HTTPProblem(505, "This server speaks HTTP/1.1.")
        }
        guard parts[1].hasPrefix("/"), parts[1].bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw HTTPProblem(400, "The target of a request is a path, such as /v1/models.")
        }
        method = parts[0].text
        path = parts[1].cut(at: "?")?.before.text ?? parts[1].text
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let (field, rest) = line.cut(at: ":"), !field.isEmpty, field.bytes.allSatisfy(\.isToken),
                !rest.bytes.contains(where: { $0 == 0x0A || $0 == 0x0D })
            else { throw HTTPProblem(400, "A header isn't of the form name: value.") }
            let name = field.asciiLowercased.text
            let value = rest.trimmed.text
            if headers[name] != nil {
                guard
                    !["host", "origin", "content-length", "transfer-encoding", "content-type"].contains(name)
                else {
                    throw HTTPProblem(400, "The header \(name) is there twice.")
                }
                headers[name, default: ""] += ", " + value
            } else {
                headers[name] = value
            }
        }
        guard headers.count <= 100 else { throw HTTPProblem(431, "The request has more than 100 headers.") }
        self.headers = headers
        let connection = headers["connection"]?.byteText.asciiLowercased ?? ""
        keepsAlive =
            parts[2] == "HTTP/1.1" ? !connection.contains("close") : connection.contains("keep-alive")
    }

    /// Bytes of the body.
    func bodyLength(limit: Int) throws(HTTPProblem) -> Int {
        guard headers["transfer-encoding"] == nil else {
            throw HTTPProblem(411, "Send the body with a Content-Length; chunked bodies aren't taken.")
        }
        guard let text = headers["content-length"] else {
            if method == "POST" { throw HTTPProblem(411, "The request has no Content-Length.") }
            return 0
        }
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else {
            throw HTTPProblem(400, "The Content-Length isn't a number.")
        }
        guard let length = Int(text), length <= limit else {
            throw HTTPProblem(413, "The body has more than \(limit) bytes, which is the limit.")
        }
        return length
    }
}

extension UInt8 {
    fileprivate var isLetter: Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= self | 0x20 }

    /// Whether names of headers may have it (RFC 9110, 5.6.2).
    fileprivate var isToken: Bool {
        isLetter || UInt8(ascii: "0")...UInt8(ascii: "9") ~= self || "!#$%&'*+-.^_`|~".utf8.contains(self)
    }
}

/// What a client may ask of the server.
package struct HTTPLimits: Sendable, Hashable {
    /// Bytes of the request line and the headers.
    package var headBytes = 16 << 10
    /// Bytes of a request's body.
    package var bodyBytes = 256 << 10
    /// Connections at once; more are answered with 503.
    package var connections = 64
    /// Time in which the head of a request has to arrive, from the connection's or the last answer's end.
    package var headTime = Duration.seconds(10)
    /// Time in which the body has to arrive.
    package var bodyTime = Duration.seconds(20)
    /// Time in which a client has to take some of what is sent.
    package var sendTime = Duration.seconds(10)
    /// Requests that one connection may make.
    package var requestsPerConnection = 1000

    package init() {}
}

/// Writes the answer to one request.
final class HTTPResponder {
    private let connection: Connection
    private let keepsAlive: Bool
    /// Whether only the head of an answer is wanted.
    private let isHead: Bool
    /// Whether the head has been sent: from then on errors can't change the status.
    private(set) var hasBegun = false
    private(set) var status = 0

    init(_ connection: Connection, keepsAlive: Bool, isHead: Bool = false) {
        self.connection = connection
        self.keepsAlive = keepsAlive
        self.isHead = isHead
    }

    /// Whether the client has gone away.
    var isGone: Bool { connection.isGone }

    /// A whole answer.
    func send(
        _ status: Int, _ type: String, _ body: [UInt8], headers: [(String, String)] = []
    ) throws(ConnectionLost) {
        let all = [("Content-Type", type), ("Content-Length", "\(body.count)")] + headers
        try connection.send(head(status, all) + (isHead ? [] : body))
    }

    /// JSON as a whole answer.
    func send(_ status: Int = 200, _ value: JSONValue, headers: [(String, String)] = []) throws {
        try send(status, "application/json", value.compactBytes(), headers: headers)
    }

    /// Begins a stream of server-sent events.
    func beginEvents() throws(ConnectionLost) {
        try connection.send(
            head(
                200, [("Content-Type", "text/event-stream; charset=utf-8"), ("Transfer-Encoding", "chunked")])
        )
    }

    /// Sends one event.
    func event(_ data: [UInt8]) throws(ConnectionLost) {
        let payload = Array("data: ".utf8) + data + Array("\n\n".utf8)
        try connection.send(
            Array("\(String(payload.count, radix: 16))\r\n".utf8) + payload + Array("\r\n".utf8))
    }

    /// Ends the stream.
    func endEvents() throws(ConnectionLost) { try connection.send(Array("0\r\n\r\n".utf8)) }

    private func head(_ status: Int, _ headers: [(String, String)]) -> [UInt8] {
        hasBegun = true
        self.status = status
        var text = "HTTP/1.1 \(status) \(Self.reasons[status] ?? "Status")\r\n"
        let common = [
            ("Connection", keepsAlive ? "keep-alive" : "close"), ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
        ]
        for (name, value) in headers + common { text += "\(name): \(value)\r\n" }
        return Array((text + "\r\n").utf8)
    }

    private static let reasons = [
        200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
        408: "Request Timeout", 411: "Length Required", 413: "Content Too Large",
        415: "Unsupported Media Type", 421: "Misdirected Request", 429: "Too Many Requests",
        431: "Request Header Fields Too Large", 500: "Internal Server Error", 503: "Service Unavailable",
        505: "HTTP Version Not Supported",
    ]
}
