internal import Base
internal import Documents

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
