internal import Base
internal import Documents
internal import JSON
internal import Sessions

extension Server {
    /// Finds who answers a request.
    ///
    /// - Throws: `HTTPProblem`; ``ConnectionLost``.
    func route(_ request: HTTPRequest, _ responder: HTTPResponder) throws {
        try checkOrigin(request)
        if let asset = Asset.at(request.path) {
            try expect(["GET", "HEAD"], request)
            return try responder.send(
                200, asset.type, asset.bytes, headers: Asset.headers)
        }
        switch request.path {
        case "/health":
            try expect(["GET"], request)
            try responder.send(200, health)
        case "/api/model":
            try expect(["GET"], request)
            try responder.send(200, try description)
        case "/v1/models":
            try expect(["GET"], request)
            try responder.send(200, ["object": "list", "data": [modelObject]])
        case "/v1/models/\(model.name)":
            try expect(["GET"], request)
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
        try expect(["POST"], request)
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

    private func expect(_ methods: [String], _ request: HTTPRequest) throws(HTTPProblem) {
        guard !methods.contains(request.method) else { return }
        throw HTTPProblem(
            405,
            "\(request.path) takes \(methods.joined(separator: " or ")), not \(request.method.prefix(20)).")
    }

    /// Refuses requests that a foreign web page made a browser send.
    ///
    /// A page can point its own name at this machine (DNS rebinding): then the browser sends that name as host. Names are
    /// refused but for those that nobody else can own; numeric addresses can't be rebound.
    private func checkOrigin(_ request: HTTPRequest) throws(HTTPProblem) {
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
        options.allowedHosts.contains { $0.lowercased().byteText == name.text.byteText }
    }
}

extension ByteText {
    /// Whether it consists of digits, perhaps of none.
    fileprivate var isDigits: Bool { bytes.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } }
}
