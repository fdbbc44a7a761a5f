internal import JSON

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
